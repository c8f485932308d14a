//! Written by the solvers branch.
