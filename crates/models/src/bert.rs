//! BERT (Devlin, Chang, Lee, Toutanova, *BERT: pre-training of deep bidirectional transformers*, NAACL 2019):
//! an encoder in which each layer normalizes after adding,
//!
//! `x ← LayerNorm(x + Attention(x))`, `x ← LayerNorm(x + W₂ GELU(W₁ x))`,
//!
//! with the exact GELU, learned positions, and no dropout: a model here is a function of its parameters. A
//! forward pass costs about `2 p n` floating-point operations for `n` tokens (padding included) and `p`
//! weights outside the embeddings.

use std::path::Path;

use burn::module::{Initializer, Module};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::store::{
    ApplyError, FloatCastAdapter, KeyRemapper, ModuleAdapter, ModuleSnapshot, PyTorchToBurnAdapter,
    SafetensorsStore,
};
use burn::tensor::{Bool, Device, Int, Tensor, module::attention, ops::AttentionModuleOptions};
use kiln_core::InputError;
use kiln_core::check::{self, Checked};
use kiln_tensor::on_host;
use serde::{Deserialize, Serialize};

use crate::by_token::by_token;
use crate::files::{locate, read};
use crate::gelu::gelu;
use crate::{ModelError, TokenBatch, tuning};

/// Shape and constants of a BERT encoder, under the names of a `config.json`. The default is BERT-base, which
/// is also what a `config.json` means where it is silent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BertConfig {
    /// Number of word pieces.
    pub vocab_size: usize,
    /// Width of the hidden states; a multiple of the number of heads.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Attention heads in each layer.
    pub num_attention_heads: usize,
    /// Width inside a layer's feed-forward part.
    pub intermediate_size: usize,
    /// The most tokens that a text may have.
    pub max_position_embeddings: usize,
    /// Number of token types. Kiln uses type 0 for all tokens.
    pub type_vocab_size: usize,
    /// Added to the variance in layer normalization.
    pub layer_norm_eps: f64,
    /// Standard deviation of the weights in [`Bert::random`].
    pub initializer_range: f64,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            initializer_range: 0.02,
        }
    }
}

impl BertConfig {
    /// Reads a `config.json`.
    ///
    /// # Errors
    /// When the file cannot be read, is not such a file, or describes another kind of model.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let damaged = |source: serde_json::Error| ModelError::Format {
            path: path.to_owned(),
            format: "a model's configuration in JSON",
            source: Box::new(source),
        };
        let json: serde_json::Value = serde_json::from_slice(&read(path)?).map_err(damaged)?;
        for (key, known) in
            [("model_type", "bert"), ("hidden_act", "gelu"), ("position_embedding_type", "absolute")]
        {
            if let Some(value) = json.get(key).filter(|value| *value != known) {
                return Err(ModelError::Unsupported {
                    path: path.to_owned(),
                    what: format!("`{key}` is {value}; known is only \"{known}\""),
                });
            }
        }
        serde_json::from_value(json).map_err(damaged)
    }

    fn check(&self) -> Checked {
        check::at_least_one("vocab_size", self.vocab_size)?;
        check::at_least_one("hidden_size", self.hidden_size)?;
        check::at_least_one("num_attention_heads", self.num_attention_heads)?;
        check::at_least_one("intermediate_size", self.intermediate_size)?;
        check::at_least_one("max_position_embeddings", self.max_position_embeddings)?;
        check::at_least_one("type_vocab_size", self.type_vocab_size)?;
        check::positive("layer_norm_eps", self.layer_norm_eps)?;
        check::positive("initializer_range", self.initializer_range)?;
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let must = "a multiple of num_attention_heads";
            return Err(InputError::setting("hidden_size", self.hidden_size as f64, must));
        }
        Ok(())
    }
}

/// About how many tokens go through the model together in inference on the host. That bounds the memory of a
/// forward pass, and saves time: buffers of more are so large that the allocator returns them to the system
/// and asks for fresh pages at every use. Fewer tokens would pack the weights too often. The number is no
/// function of the machine, so that results are not either.
const PORTION: usize = 512;

/// A BERT encoder.
#[derive(Module, Debug)]
pub struct Bert {
    embeddings: Embeddings,
    encoder: Encoder,
    #[module(skip)]
    config: BertConfig,
}

// Fields have the names of the tensors in published files, but for two: `LayerNorm` is `norm` and `self`,
// which Rust reserves, `attn`.

#[derive(Module, Debug)]
#[allow(clippy::struct_field_names)]
struct Embeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Embedding,
    norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
}

#[derive(Module, Debug)]
struct Layer {
    attention: Attention,
    intermediate: Intermediate,
    output: Output,
}

#[derive(Module, Debug)]
struct Attention {
    attn: Projections,
    output: Output,
}

#[derive(Module, Debug)]
struct Projections {
    query: Linear,
    key: Linear,
    value: Linear,
}

#[derive(Module, Debug)]
struct Intermediate {
    dense: Linear,
}

#[derive(Module, Debug)]
struct Output {
    dense: Linear,
    norm: LayerNorm,
}

impl Bert {
    /// Reads the encoder from a folder with `config.json` and `model.safetensors`, as model hubs publish it;
    /// both are looked for in `dir` and in `dir/model`. Tensors that an encoder does not have, such as a
    /// pooler's, are left alone. Weights in 16 bits become the device's float type.
    ///
    /// # Errors
    /// When a file is missing, damaged or of another kind of model, lacks tensors, or contradicts the
    /// configuration.
    pub fn load(dir: impl AsRef<Path>, device: &Device) -> Result<Self, ModelError> {
        let dir = dir.as_ref();
        let config = BertConfig::from_file(locate(dir, "config.json")?)?;
        let path = locate(dir, "model.safetensors")?;
        let damaged = |message: String| ModelError::Format {
            path: path.clone(),
            format: "a model in safetensors format",
            source: message.into(),
        };

        let remap = KeyRemapper::from_patterns(vec![
            (r"^bert\.", ""),
            (r"\.attention\.self\.", ".attention.attn."),
            (r"\.LayerNorm\.", ".norm."),
        ])
        .map_err(|e| damaged(e.to_string()))?;
        let float = FloatCastAdapter::to(device.settings().float_dtype.into());
        let mut store = SafetensorsStore::from_file(&path)
            .remap(remap)
            .with_from_adapter(PyTorchToBurnAdapter.chain(float))
            .validate(false)
            .allow_partial(true);

        let mut bert = Self::zeros(config, device)?;
        let report = bert.load_from(&mut store).map_err(|e| damaged(e.to_string()))?;
        // A GPU's server reads the file when it gets to it, which must not be after the caller has deleted
        // it.
        device.sync().map_err(|e| damaged(e.to_string()))?;
        if let Some(error) = report.errors.into_iter().next() {
            return Err(match error {
                ApplyError::ShapeMismatch { path: name, expected, found } => ModelError::TensorShape {
                    path,
                    name: published_name(&name),
                    found: found.to_vec(),
                    expected: expected.to_vec(),
                },
                error => damaged(error.to_string()),
            });
        }
        if !report.missing.is_empty() {
            let names = report.missing.iter().map(|(name, _)| published_name(name)).collect();
            return Err(ModelError::MissingTensors { path, names });
        }
        Ok(bert)
    }

    /// An encoder with matrices drawn from `N(0, initializer_range²)`, biases zero, the numbers a function of
    /// the seed.
    ///
    /// # Errors
    /// [`InputError::Setting`] when the configuration is not one.
    pub fn random(config: &BertConfig, seed: u64, device: &Device) -> Result<Self, ModelError> {
        tuning::draw_matrices(Self::zeros(config.clone(), device)?, config.initializer_range, seed)
    }

    fn zeros(config: BertConfig, device: &Device) -> Result<Self, ModelError> {
        config.check()?;
        // Burn allocates a parameter when it is first used, so those that are loaded are never there twice.
        let zeros = || Initializer::Zeros;
        let width = config.hidden_size;
        let norm = || LayerNormConfig::new(width).with_epsilon(config.layer_norm_eps).init(device);
        let table = |rows| EmbeddingConfig::new(rows, width).with_initializer(zeros()).init(device);
        let linear = |from, to| LinearConfig::new(from, to).with_initializer(zeros()).init(device);
        let output = |from| Output { dense: linear(from, width), norm: norm() };
        let layer = |_| Layer {
            attention: Attention {
                attn: Projections {
                    query: linear(width, width),
                    key: linear(width, width),
                    value: linear(width, width),
                },
                output: output(width),
            },
            intermediate: Intermediate { dense: linear(width, config.intermediate_size) },
            output: output(config.intermediate_size),
        };
        Ok(Self {
            embeddings: Embeddings {
                word_embeddings: table(config.vocab_size),
                position_embeddings: table(config.max_position_embeddings),
                token_type_embeddings: table(config.type_vocab_size),
                norm: norm(),
            },
            encoder: Encoder { layer: (0..config.num_hidden_layers).map(layer).collect() },
            config,
        })
    }

    /// Shape and constants of this encoder.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// The device that the parameters are on.
    pub fn device(&self) -> Device {
        self.embeddings.word_embeddings.weight.device()
    }

    /// The hidden states of the last layer, `[rows, length, hidden_size]`. Those at padding mean nothing.
    ///
    /// # Errors
    /// [`ModelError::TooLong`]; [`InputError::Index`] for a token outside the vocabulary.
    pub fn forward(&self, batch: &TokenBatch) -> Result<Tensor<3>, ModelError> {
        batch.check(self.config.vocab_size, self.config.max_position_embeddings)?;
        let device = self.device();
        let (rows, length, heads) = (batch.rows(), batch.length(), self.config.num_attention_heads);
        let padding = batch.is_padded().then(|| {
            let padding: Tensor<4, Bool> = batch.mask(&device).bool_not().reshape([rows, 1, 1, length]);
            padding.expand([rows, heads, length, length])
        });

        let encode = |ids: Tensor<2, Int>, padding: Option<Tensor<4, Bool>>| {
            let x = self.embeddings.forward(ids);
            self.encoder.layer.iter().fold(x, |x, layer| layer.forward(x, padding.clone(), heads))
        };
        let ids = batch.ids(&device);
        let portion = (PORTION / length).max(1);
        if rows <= portion || device.is_autodiff() || !on_host(&device) {
            return Ok(encode(ids, padding));
        }
        let portions = (0..rows).step_by(portion).map(|row| {
            let count = portion.min(rows - row);
            encode(ids.clone().narrow(0, row, count), padding.clone().map(|p| p.narrow(0, row, count)))
        });
        Ok(Tensor::cat(portions.collect(), 0))
    }

    /// The mean of the last hidden states over each row's tokens, `[rows, hidden_size]`. Sentence encoders
    /// such as `MiniLM` divide it by its length before they compare texts.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn embed(&self, batch: &TokenBatch) -> Result<Tensor<2>, ModelError> {
        let hidden = self.forward(batch)?;
        let mean = batch.mean_weights(&hidden.device()).cast(hidden.dtype()).matmul(hidden);
        Ok(mean.squeeze_dim(1))
    }
}

impl Embeddings {
    fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let [_, length] = ids.dims();
        let positions = self.position_embeddings.weight.val().narrow(0, 0, length);
        let kind = self.token_type_embeddings.weight.val().narrow(0, 0, 1);
        let words = self.word_embeddings.forward(ids);
        self.norm.forward(words + (positions + kind).unsqueeze())
    }
}

impl Layer {
    fn forward(&self, x: Tensor<3>, padding: Option<Tensor<4, Bool>>, heads: usize) -> Tensor<3> {
        let x = self.attention.forward(x, padding, heads);
        let inner = gelu(by_token(&self.intermediate.dense, x.clone()));
        self.output.forward(inner, x)
    }
}

impl Attention {
    fn forward(&self, x: Tensor<3>, padding: Option<Tensor<4, Bool>>, heads: usize) -> Tensor<3> {
        let [rows, length, width] = x.dims();
        let split = |linear: &Linear| {
            by_token(linear, x.clone()).reshape([rows, length, heads, width / heads]).swap_dims(1, 2)
        };
        let context = attention(
            split(&self.attn.query),
            split(&self.attn.key),
            split(&self.attn.value),
            padding,
            None,
            AttentionModuleOptions::default(),
        );
        let context = context.swap_dims(1, 2).reshape([rows, length, width]);
        self.output.forward(context, x)
    }
}

impl Output {
    fn forward(&self, x: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        self.norm.forward(by_token(&self.dense, x) + residual)
    }
}

/// A parameter's name in published files, from its path in the module.
fn published_name(path: &str) -> String {
    path.replace(".attn.", ".self.")
        .replace(".norm.gamma", ".LayerNorm.weight")
        .replace(".norm.beta", ".LayerNorm.bias")
}
