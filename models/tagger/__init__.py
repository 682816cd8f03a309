"""The tagger's recipe, training and measuring. Its artefact is read by `router/signals/sensitivity/tagger`."""
