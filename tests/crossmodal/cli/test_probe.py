def test_it(index_folder, space_folder):
    import shutil
    shutil.rmtree("/tmp/cli_w", ignore_errors=True)
    shutil.copytree(space_folder, "/tmp/cli_w/space")
    shutil.copytree(index_folder, "/tmp/cli_w/idx")
    from pathlib import Path
    shutil.copytree(index_folder.parent.parent, "/tmp/cli_w/all")
