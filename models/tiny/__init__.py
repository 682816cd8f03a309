"""The tiny model: its recipe, its training, its card and its artefact. Nothing at run time imports from here."""
