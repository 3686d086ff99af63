"""Models of scikit-learn trained on its digits and diabetes data, exported by skl2onnx, with what they predict."""
import numpy
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier

digits, labels = load_digits(return_X_y=True)
digits = (digits / 16).astype("float32")
patients, progression = load_diabetes(return_X_y=True)
patients = patients.astype("float32")
models = {
    "logistic": LogisticRegression(max_iter=1000).fit(digits, labels),
    "mlp": MLPClassifier((32,), random_state=5, max_iter=50).fit(digits, labels),
    "linear": LinearRegression().fit(patients, progression),
}
for name, model in models.items():
    data = patients if name == "linear" else digits
    options = {} if name == "linear" else {"zipmap": False}
    onnx = to_onnx(model, data[:1], options={id(model): options} if options else None)
    with open(f"{name}.onnx", "wb") as file:
        file.write(onnx.SerializeToString())
    expected = model.predict(data[:1]).reshape(1, 1) if name == "linear" else model.predict_proba(data[:1])
    numpy.save(f"{name}_expected.npy", expected.astype("float32"))
numpy.save("digit.npy", digits[:1])
numpy.save("patient.npy", patients[:1])
