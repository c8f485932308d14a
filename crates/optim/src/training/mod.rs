//! How networks and classifiers train: warm starts, large steps.
