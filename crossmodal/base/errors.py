"""One root exception and few kinds; every message says what was expected, what came, and the remedy."""


class CrossmodalError(Exception):
    """Root of all errors that a user can cause or meet. Its text is one line, ready to be shown."""


class InputError(CrossmodalError):
    """A file, value or argument is not what was expected."""


class RecipeError(CrossmodalError):
    """A recipe (YAML) or an override of it is wrong."""


class IntegrityError(CrossmodalError):
    """A space or index on disk is damaged, tampered with, or made for another space."""
