"""Model families: how the input of a network is made, and its outputs are read."""
