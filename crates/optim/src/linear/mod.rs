//! Linear models on dense and sparse data, at the cost of the nonzeros.
