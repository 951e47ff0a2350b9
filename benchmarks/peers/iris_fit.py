"""What a person runs today: python script.py."""

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

X, y = load_iris(return_X_y=True)
LogisticRegression(max_iter=1000).fit(X, y)
