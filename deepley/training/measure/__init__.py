"""How good a release is: figures with intervals, under treatments, on other sets."""
