//! Models against formulas written out in `f64`, readers against files written here, and what comes of bad
//! input.

mod bert;
mod gguf;
mod heads;
mod llama;
mod real;
mod rotary;
mod safetensors;
mod support;
mod tokens;
