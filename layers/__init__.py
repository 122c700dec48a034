"""How features are drawn: a layer is a function of its features and the theme."""
