//! Interpretation of models in transformed domains. So far: [`wavelet`] transforms.
#![forbid(unsafe_code)]

pub mod wavelet;
