//! Local graph clustering.
