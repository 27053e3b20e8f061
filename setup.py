"""Puts the models of saved_models into the wheel; all else is in setup.cfg."""

import pathlib
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithModels(build_py):
    def run(self):
        super().run()
        if self.editable_mode:  # They are found where they are.
            return
        folder = pathlib.Path(self.build_lib, "keras_explainer", "saved_models")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("*.keras", "README.md", "NOTICE"):
            for path in sorted(pathlib.Path("saved_models").glob(name)):
                shutil.copy2(path, folder)


setup(cmdclass={"build_py": BuildWithModels})
