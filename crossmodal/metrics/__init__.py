"""Metrics: pure functions of numpy arrays, a task per file.

Conventions. Larger similarity is closer. A function gives one value per unit (query, tag, clip, item), NaN
where the unit has no answer (a query without relevant target, a tag that all or no clips have); `macro` means
over the defined ones and counts the others. So every number can be given its bootstrap interval (`bootstrap`)
and its chance level (`chance`). Empty input is no error: it has no units, and its mean is NaN. Malformed
input is an InputError.
"""
