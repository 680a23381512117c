"""The recall laboratory: searches of every shape of data, in every state of a store, and what is right."""
