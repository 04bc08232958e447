"""The convolutional networks without their classifiers: a file each, and the `registry` that names them."""
