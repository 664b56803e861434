"""The small problems and models that ship with the package."""
