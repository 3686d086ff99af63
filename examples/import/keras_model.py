"""A network of Keras, exported to ONNX, with what it computes."""
import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy
from keras import layers

keras.utils.set_random_seed(4)
net = keras.Sequential([
    keras.Input((16, 16, 1), batch_size=1),
    layers.Conv2D(8, 3, activation="relu"),
    layers.BatchNormalization(),
    layers.MaxPooling2D(2),
    layers.Flatten(),
    layers.Dense(4, activation="softmax"),
])
picture = numpy.random.default_rng(4).standard_normal((1, 16, 16, 1)).astype("float32")
numpy.save("picture.npy", picture)
numpy.save("likely.npy", net.predict(picture, verbose=0))
net.export("keras.onnx", format="onnx", verbose=False)
