"""An own network of Keras, on handwritten digits.

By hand: TENSORFLEET_DATASET=digits python train.py
"""

import keras
import numpy as np

from tensorfleet import train
from tensorfleet.keras import Fleet

params = {"epochs": 5, "width": 64, "learning_rate": 0.003} | train.params()
keras.utils.set_random_seed(1)
x, y = train.dataset().xy()
x = np.asarray(x, dtype="float32") / 16

model = keras.Sequential(
    [
        keras.Input((x.shape[1],)),
        keras.layers.Dense(params["width"], activation="relu"),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
optimizer = keras.optimizers.Adam(params["learning_rate"])
model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])

fleet = Fleet(model)
model.fit(
    x,
    y,
    epochs=params["epochs"],
    initial_epoch=fleet.epoch,
    validation_split=0.2,
    callbacks=[fleet],
    verbose=0,
)
model.save("digits.keras")
