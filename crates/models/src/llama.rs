//! Llama (Touvron et al., *`LLaMA`: open and efficient foundation language models*, 2023): a decoder in which
//! each layer normalizes before it transforms,
//!
//! `x ← x + Attention(RMSNorm(x))`, `x ← x + W₃ (SiLU(W₁ x̂) ⊙ W₂ x̂)` with `x̂ = RMSNorm(x)`,
//!
//! with rotary positions, keys and values shared by groups of query heads (Ainslie et al., *GQA*, EMNLP
//! 2023), and the token embedding as output matrix. It is one parameter, used twice. A forward pass costs
//! about `2 p n` floating-point operations for `n` tokens (padding included) and `p` weights in layers, and
//! as much again for the `p = vocabulary × width` weights of the output at each position that logits are
//! asked for.

use std::path::Path;

use burn::module::{Initializer, Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig, RmsNorm, RmsNormConfig};
use burn::tensor::activation::{log_softmax, silu};
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Tensor, TensorData, module::attention};
use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use serde::{Deserialize, Serialize};

use crate::batch::integers;
use crate::by_token::by_token;
use crate::gguf::Gguf;
use crate::{ModelError, Rotary, TokenBatch, tuning};

/// Shape and constants of a Llama decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlamaConfig {
    /// Number of tokens.
    pub vocabulary: usize,
    /// Width of the hidden states; the number of heads times an even number.
    pub width: usize,
    /// Number of layers.
    pub layers: usize,
    /// Query heads in each layer.
    pub heads: usize,
    /// Heads of keys and values; divides the number of query heads.
    pub key_value_heads: usize,
    /// Width inside a layer's feed-forward part.
    pub feed_forward_width: usize,
    /// The most tokens that a text may have.
    pub context: usize,
    /// Added to the mean square in normalization.
    pub norm_epsilon: f64,
    /// The base of the rotary angles.
    pub rotary_base: f64,
}

impl LlamaConfig {
    fn from_gguf(file: &Gguf) -> Result<Self, ModelError> {
        let architecture = file.string("general.architecture")?;
        if architecture != "llama" {
            return Err(
                file.unsupported(format!("its architecture is `{architecture}`; known is only `llama`"))
            );
        }
        let heads = file.integer("llama.attention.head_count")?;
        let config = Self {
            vocabulary: file.rows("token_embd.weight")?,
            width: file.integer("llama.embedding_length")?,
            layers: file.integer("llama.block_count")?,
            heads,
            key_value_heads: file.optional_integer("llama.attention.head_count_kv")?.unwrap_or(heads),
            feed_forward_width: file.integer("llama.feed_forward_length")?,
            context: file.integer("llama.context_length")?,
            norm_epsilon: file.float("llama.attention.layer_norm_rms_epsilon")?,
            rotary_base: file.optional_float("llama.rope.freq_base")?.unwrap_or(10_000.0),
        };
        config.check()?;

        let rotated = file.optional_integer("llama.rope.dimension_count")?;
        if rotated.is_some_and(|rotated| rotated != config.head_width()) {
            return Err(file.unsupported("it rotates only a part of each head; known is the rotation of all"));
        }
        if file.string("llama.rope.scaling.type").is_ok_and(|kind| kind != "none") {
            return Err(file.unsupported("it scales positions, which Kiln does not know"));
        }
        Ok(config)
    }

    fn check(&self) -> Checked {
        check::at_least_one("vocabulary", self.vocabulary)?;
        check::at_least_one("heads", self.heads)?;
        check::at_least_one("key_value_heads", self.key_value_heads)?;
        check::at_least_one("feed_forward_width", self.feed_forward_width)?;
        check::at_least_one("context", self.context)?;
        check::positive("norm_epsilon", self.norm_epsilon)?;
        check::positive("rotary_base", self.rotary_base)?;
        let even = self.heads.checked_mul(2).is_some_and(|pairs| self.width.is_multiple_of(pairs));
        if self.width == 0 || !even {
            let must = "heads times an even number";
            return Err(InputError::setting("width", self.width as f64, must));
        }
        if !self.heads.is_multiple_of(self.key_value_heads) {
            let must = "a multiple of key_value_heads";
            return Err(InputError::setting("heads", self.heads as f64, must));
        }
        Ok(())
    }

    fn head_width(&self) -> usize {
        self.width / self.heads
    }

    fn key_value_width(&self) -> usize {
        self.key_value_heads * self.head_width()
    }
}

/// A Llama decoder.
#[derive(Module, Debug)]
pub struct Llama {
    embedding: Embedding,
    layers: Vec<Layer>,
    norm: RmsNorm,
    #[module(skip)]
    config: LlamaConfig,
}

#[derive(Module, Debug)]
struct Layer {
    attention_norm: RmsNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    feed_forward_norm: RmsNorm,
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Llama {
    /// Reads the decoder from a GGUF file of architecture `llama` whose output matrix is the token embedding.
    /// Quantized weights are expanded to the device's float type: one tensor at a time, so that memory peaks
    /// at the size of the model and twice its largest tensor.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged or holds another kind of model, lacks tensors, or contradicts
    /// its own metadata.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self, ModelError> {
        let mut file = Gguf::open(path.as_ref())?;
        let config = LlamaConfig::from_gguf(&file)?;
        let names =
            (0..config.layers).flat_map(|i| LAYER_TENSORS.map(|name| format!("blk.{i}.{name}.weight")));
        file.require_tensors(["output_norm.weight".to_owned()].into_iter().chain(names))?;

        let (width, inner, narrow) = (config.width, config.feed_forward_width, config.key_value_width());
        let values = file.tensor("token_embd.weight", &[config.vocabulary, width])?;
        let table = TensorData::new(values, [config.vocabulary, width]);
        let embedding = Embedding { weight: Param::from_data(table, device) };

        let norm = |file: &mut Gguf, name: &str| -> Result<RmsNorm, ModelError> {
            let gamma = TensorData::new(file.tensor(name, &[width])?, [width]);
            Ok(RmsNorm { gamma: Param::from_data(gamma, device), epsilon: config.norm_epsilon })
        };
        // The file has a row for each output, Burn a column.
        let linear = |file: &mut Gguf, name: &str, from, to| -> Result<Linear, ModelError> {
            let weight = TensorData::new(file.transposed(name, [to, from])?, [from, to]);
            Ok(Linear { weight: Param::from_data(weight, device), bias: None })
        };
        let mut layers = Vec::new();
        for i in 0..config.layers {
            let [attention_norm, query, key, value, output, feed_forward_norm, gate, up, down] =
                LAYER_TENSORS.map(|name| format!("blk.{i}.{name}.weight"));
            layers.push(Layer {
                attention_norm: norm(&mut file, &attention_norm)?,
                query: linear(&mut file, &query, width, width)?,
                key: linear(&mut file, &key, width, narrow)?,
                value: linear(&mut file, &value, width, narrow)?,
                output: linear(&mut file, &output, width, width)?,
                feed_forward_norm: norm(&mut file, &feed_forward_norm)?,
                gate: linear(&mut file, &gate, width, inner)?,
                up: linear(&mut file, &up, width, inner)?,
                down: linear(&mut file, &down, inner, width)?,
            });
        }
        let norm = norm(&mut file, "output_norm.weight")?;
        file.finish()?;
        Ok(Self { embedding, layers, norm, config })
    }

    /// A decoder with matrices drawn from `N(0, 0.02²)`, the numbers a function of the seed.
    ///
    /// # Errors
    /// [`InputError::Setting`] when the configuration is not one.
    pub fn random(config: &LlamaConfig, seed: u64, device: &Device) -> Result<Self, ModelError> {
        config.check()?;
        let (width, inner, narrow) = (config.width, config.feed_forward_width, config.key_value_width());
        let zeros = || Initializer::Zeros;
        let norm = || RmsNormConfig::new(width).with_epsilon(config.norm_epsilon).init(device);
        let linear =
            |from, to| LinearConfig::new(from, to).with_bias(false).with_initializer(zeros()).init(device);
        let layer = |_| Layer {
            attention_norm: norm(),
            query: linear(width, width),
            key: linear(width, narrow),
            value: linear(width, narrow),
            output: linear(width, width),
            feed_forward_norm: norm(),
            gate: linear(width, inner),
            up: linear(width, inner),
            down: linear(inner, width),
        };
        let llama = Self {
            embedding: EmbeddingConfig::new(config.vocabulary, width).with_initializer(zeros()).init(device),
            layers: (0..config.layers).map(layer).collect(),
            norm: norm(),
            config: config.clone(),
        };
        tuning::draw_matrices(llama, 0.02, seed)
    }

    /// Shape and constants of this decoder.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// The device that the parameters are on.
    pub fn device(&self) -> Device {
        self.embedding.weight.device()
    }

    /// The hidden states after the last normalization, `[rows, length, width]`. Those at padding mean
    /// nothing.
    ///
    /// # Errors
    /// [`ModelError::TooLong`]; [`InputError::Index`] for a token outside the vocabulary.
    pub fn hidden(&self, batch: &TokenBatch) -> Result<Tensor<3>, ModelError> {
        let config = &self.config;
        batch.check(config.vocabulary, config.context)?;
        let device = self.device();
        let (rows, length) = (batch.rows(), batch.length());
        let rotary = Rotary::new(length, config.head_width(), config.rotary_base, &device)?;

        // Padding is on the right, where no token looks anyway.
        let future: Vec<bool> = (0..length).flat_map(|i| (0..length).map(move |j| j > i)).collect();
        let group = config.heads / config.key_value_heads;
        let future = Tensor::<2, Bool>::from_data(TensorData::new(future, [length, length]), &device)
            .reshape([1, 1, 1, length, length])
            .expand([rows, config.key_value_heads, group, length, length])
            .reshape([rows, config.key_value_heads, group * length, length]);

        let mut x = self.embedding.forward(batch.ids(&device));
        for layer in &self.layers {
            x = layer.forward(x, &rotary, future.clone(), config);
        }
        Ok(self.norm.forward(x))
    }

    /// The logits of every next token after every token, `[rows, length, vocabulary]`: 200 kB a token with a
    /// vocabulary of 50,000. [`next_logits`](Self::next_logits) computes those after the last token only.
    ///
    /// # Errors
    /// As [`hidden`](Self::hidden).
    pub fn forward(&self, batch: &TokenBatch) -> Result<Tensor<3>, ModelError> {
        let hidden = self.hidden(batch)?;
        let [rows, length, width] = hidden.dims();
        Ok(self.logits(hidden.reshape([rows * length, width])).reshape([
            rows,
            length,
            self.config.vocabulary,
        ]))
    }

    /// The logits of the token after each row's last, `[rows, vocabulary]`.
    ///
    /// # Errors
    /// As [`hidden`](Self::hidden).
    pub fn next_logits(&self, batch: &TokenBatch) -> Result<Tensor<2>, ModelError> {
        Ok(self.logits(self.last_hidden(batch)?))
    }

    /// The logits of the given tokens as the one after each row's last, `[rows, tokens]`.
    pub(crate) fn next_logits_of(&self, batch: &TokenBatch, tokens: &[u32]) -> Result<Tensor<2>, ModelError> {
        let hidden = self.last_hidden(batch)?;
        let tokens = integers(tokens.iter().map(|&id| id as usize), [tokens.len()], &hidden.device());
        Ok(hidden.matmul(self.embedding.weight.val().select(0, tokens).transpose()))
    }

    /// `exp` of the mean negative log-likelihood of all tokens but the first of each row.
    ///
    /// # Errors
    /// [`InputError::Empty`] when no row has two tokens; otherwise as [`hidden`](Self::hidden).
    pub fn perplexity(&self, batch: &TokenBatch) -> Result<f64, ModelError> {
        let (mut sum, mut count) = (0.0, 0);
        for row in 0..batch.rows() {
            let batch = batch.select(&[row])?;
            let predicted = batch.length() - 1;
            if predicted == 0 {
                continue;
            }
            let hidden = self.hidden(&batch)?.squeeze_dim::<2>(0).narrow(0, 0, predicted);
            let next = batch.ids(&hidden.device()).narrow(1, 1, predicted).reshape([predicted, 1]);
            let likelihoods = log_softmax(self.logits(hidden), 1).gather(1, next);
            sum -= likelihoods.inner().try_into_vec_as::<f64>()?.iter().sum::<f64>();
            count += predicted;
        }
        if count == 0 {
            return Err(InputError::empty("what there is to predict").into());
        }
        Ok((sum / count as f64).exp())
    }

    /// The `count` tokens that follow the prompt when each is the most likely one. Every token costs a
    /// forward pass over all before it.
    ///
    /// # Errors
    /// As [`hidden`](Self::hidden), prompt and answer counted together; [`ModelError::EmptyRow`] for an empty
    /// prompt.
    pub fn generate(&self, prompt: &[u32], count: usize) -> Result<Vec<u32>, ModelError> {
        let mut tokens = prompt.to_vec();
        for _ in 0..count {
            let logits = self.next_logits(&TokenBatch::new(&[&tokens], 0)?)?;
            let best = logits.inner().argmax(1).try_into_vec_as::<i64>()?;
            tokens.extend(best.into_iter().filter_map(|id| u32::try_from(id).ok()));
        }
        Ok(tokens.split_off(prompt.len()))
    }

    fn last_hidden(&self, batch: &TokenBatch) -> Result<Tensor<2>, ModelError> {
        let hidden = self.hidden(batch)?;
        let [rows, length, width] = hidden.dims();
        let last = batch.last_positions(&hidden.device());
        Ok(hidden.reshape([rows * length, width]).select(0, last))
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.embedding.weight.val().transpose())
    }
}

/// A layer's tensors in GGUF files, in the order of the fields of [`Layer`].
const LAYER_TENSORS: [&str; 9] =
    ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"];

impl Layer {
    fn forward(
        &self,
        x: Tensor<3>,
        rotary: &Rotary,
        future: Tensor<4, Bool>,
        config: &LlamaConfig,
    ) -> Tensor<3> {
        let attended = self.attention(self.attention_norm.forward(x.clone()), rotary, future, config);
        let x = x + attended;
        let normal = self.feed_forward_norm.forward(x.clone());
        let gated = silu(by_token(&self.gate, normal.clone())) * by_token(&self.up, normal);
        x + by_token(&self.down, gated)
    }

    fn attention(
        &self,
        x: Tensor<3>,
        rotary: &Rotary,
        future: Tensor<4, Bool>,
        config: &LlamaConfig,
    ) -> Tensor<3> {
        let [rows, length, width] = x.dims();
        let (heads, shared, narrow) = (config.heads, config.key_value_heads, config.head_width());
        let query = by_token(&self.query, x.clone()).reshape([rows, length, heads, narrow]);
        let key = by_token(&self.key, x.clone()).reshape([rows, length, shared, narrow]);
        let value = by_token(&self.value, x).reshape([rows, length, shared, narrow]);
        // The query heads of a group stand below each other as one long head, so that keys and values need no
        // copies.
        let group = heads / shared;
        let query = rotary.rotated(query).swap_dims(1, 2).reshape([rows, shared, group * length, narrow]);
        let context = attention(
            query,
            rotary.rotated(key).swap_dims(1, 2),
            value.swap_dims(1, 2),
            Some(future),
            None,
            AttentionModuleOptions::default(),
        );
        let context = context.reshape([rows, heads, length, narrow]).swap_dims(1, 2);
        by_token(&self.output, context.reshape([rows, length, width]))
    }
}
