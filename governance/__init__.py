"""Pure rules of grid governance: facts in, decisions with reasons out."""
