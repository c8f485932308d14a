//! Language models to fine-tune, on Burn, with their tokenizers and heads.
//!
//! * [`Bert`]: encoders from `model.safetensors`, `config.json` and `tokenizer.json`, such as `MiniLM`.
//! * [`Llama`]: decoders from GGUF files, quantized or not, such as `SmolLM2`.
//! * [`Tokenizer`] and [`TokenBatch`]: texts as token ids, checked before they reach a model.
//! * [`TextClassifier`]: what a fine-tuning method sees. [`Classifier`] is an encoder with a linear head,
//!   [`PromptClassifier`] a decoder that answers a [`Prompt`].
//!
//! Every model is a Burn module and a deterministic function of its parameters: there is no dropout. Each
//! parameter owns its memory, so that a zeroth-order method perturbs it in place and trains with the memory
//! of inference. All of `kiln-optim`'s methods apply, through
//! `kiln_tensor::Parameters`; [`train_last`](TextClassifier::train_last) and
//! [`with_lora`] say which parameters they train.
//!
//! This is a crate of its own so that it can be used without Kiln's papers, and so that nothing else of Kiln
//! depends on readers of model files and tokenizers.
//!
//! ```
//! use kiln_models::{Bert, BertConfig, Classifier, TextClassifier, TokenBatch};
//!
//! let device = burn::tensor::Device::flex();
//! // A tiny encoder with random weights; `Bert::load(folder, &device)` reads a real one.
//! let config = BertConfig {
//!     vocab_size: 20,
//!     hidden_size: 8,
//!     num_hidden_layers: 2,
//!     num_attention_heads: 2,
//!     intermediate_size: 16,
//!     ..BertConfig::default()
//! };
//! let model = Classifier::new(Bert::random(&config, 1, &device)?, 2)?;
//!
//! // `Tokenizer::encode_batch` makes such batches from texts.
//! let batch = TokenBatch::new(&[vec![1, 7, 4, 2], vec![1, 5, 2]], 0)?;
//! let losses = model.losses(&batch, &[0, 1])?.try_into_vec_as::<f32>()?;
//! assert!(losses.iter().all(|loss| (loss - 2_f32.ln()).abs() < 1e-6)); // the head is still zero
//!
//! // What a model cannot take is an error, not a panic.
//! assert!(model.logits(&TokenBatch::new(&[vec![20]], 0)?).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod bert;
mod by_token;
mod classifier;
mod error;
mod files;
mod gelu;
mod gguf;
mod llama;
mod prompt;
mod rotary;
mod tokenizer;
mod tuning;

pub use batch::TokenBatch;
pub use bert::{Bert, BertConfig};
pub use classifier::{Classifier, TextClassifier, cross_entropies, largest_logits};
pub use error::ModelError;
pub use llama::{Llama, LlamaConfig};
pub use prompt::{Prompt, PromptClassifier};
pub use rotary::Rotary;
pub use tokenizer::Tokenizer;
pub use tuning::with_lora;
