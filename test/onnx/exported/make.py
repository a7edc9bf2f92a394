"""Makes the files beside it: models trained on the irises and exported by the usual tools.

Some of the trainers number trees differently from run to run, so the bytes may differ.

    pip install scikit-learn==1.9.1 skl2onnx==1.20.0 onnxmltools==1.16.0 xgboost==3.2.0 lightgbm==4.7.0 catboost==1.2.10
    python test/onnx/exported/make.py
"""
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, SVR

FOLDER = Path(__file__).parent
iris = load_iris()
X = iris.data.astype(np.float32)
names = np.array(iris.target_names)[iris.target]
seed = {"random_state": 0}


def save(name, model):
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())


def scikit_learn(name, model, y=iris.target, zipmap=False):
    model.fit(X, y)
    options = {id(model): {"zipmap": zipmap}} if hasattr(model, "predict_proba") else None
    if isinstance(model, GaussianMixture):
        options = None
    if name == "support_vectors":
        options = {SVC: {"zipmap": False}}
    save(name, to_onnx(model, X[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3}))


scikit_learn("random_forest", RandomForestClassifier(5, max_depth=4, **seed))
scikit_learn("random_forest_names", RandomForestClassifier(3, max_depth=3, **seed), names)
scikit_learn("random_forest_maps", RandomForestClassifier(3, max_depth=3, **seed), zipmap=True)
scikit_learn("gradient_boosting", GradientBoostingClassifier(n_estimators=5, **seed))
scikit_learn("ada_boost", AdaBoostClassifier(n_estimators=3, **seed))
scikit_learn("extra_trees_regression", ExtraTreesRegressor(5, max_depth=4, **seed), X[:, 3])
scikit_learn("isolation_forest", IsolationForest(n_estimators=3, max_samples=16, **seed))
scikit_learn("logistic_regression", make_pipeline(StandardScaler(), LogisticRegression()))
scikit_learn("columns", make_pipeline(
    ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", MinMaxScaler(), [2, 3])]), LogisticRegression()))
scikit_learn("bins", make_pipeline(
    SimpleImputer(), KBinsDiscretizer(3, encode="onehot-dense"), Normalizer(), LogisticRegression()))
scikit_learn("support_vectors", make_pipeline(StandardScaler(), SVC(C=10)))
scikit_learn("support_vector_regression", make_pipeline(StandardScaler(), SVR(kernel="poly", epsilon=0.3)), X[:, 3])
scikit_learn("naive_bayes", GaussianNB())
scikit_learn("discriminant_analysis", QuadraticDiscriminantAnalysis())
scikit_learn("mixture", GaussianMixture(3, **seed))
scikit_learn("neighbours", KNeighborsClassifier(3))
scikit_learn("perceptron_names", MLPClassifier((8,), max_iter=300, **seed), names)

boosters = {
    "xgboost": (xgboost.XGBClassifier(n_estimators=5, max_depth=3), onnxmltools.convert_xgboost, {}),
    "lightgbm": (lightgbm.LGBMClassifier(n_estimators=5, verbose=-1), onnxmltools.convert_lightgbm, {"zipmap": False}),
}
for name, (model, convert, options) in boosters.items():
    model.fit(X, iris.target)
    save(name, convert(model, initial_types=[("X", FloatTensorType([None, 4]))], target_opset=15, **options))

catboost.CatBoostRegressor(iterations=5, depth=3, verbose=0).fit(X, X[:, 3]).save_model(
    str(FOLDER / "catboost_regression.onnx"), format="onnx")
