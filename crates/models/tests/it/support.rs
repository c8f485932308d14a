//! Parameters of modules on the host, and the operations of transformers one vector at a time in `f64`.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use kiln_models::{Bert, BertConfig, Llama, LlamaConfig};
use kiln_tensor::{Distribution, Noise};

pub(crate) type Rows = Vec<Vec<f64>>;

/// A module's parameters by path: shape, and values in row-major order.
pub(crate) struct Parameters(pub(crate) BTreeMap<String, (Vec<usize>, Vec<f64>)>);

impl Parameters {
    pub(crate) fn of(module: &impl Module) -> Self {
        let mut collect = Collect { path: vec![], found: BTreeMap::new() };
        module.visit(&mut collect);
        Self(collect.found)
    }

    pub(crate) fn values(&self, name: &str) -> &[f64] {
        &self.0.get(name).unwrap_or_else(|| panic!("no parameter {name}")).1
    }

    /// Row `i` of a matrix.
    pub(crate) fn row(&self, name: &str, i: usize) -> &[f64] {
        let width = self.0[name].0[1];
        &self.values(name)[i * width..][..width]
    }

    /// `x W + b`, or `x W` if there is no bias.
    pub(crate) fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let (shape, weight) = &self.0[&format!("{name}.weight")];
        let bias = self.0.get(&format!("{name}.bias"));
        (0..shape[1])
            .map(|j| {
                let product: f64 = x.iter().enumerate().map(|(i, x)| x * weight[i * shape[1] + j]).sum();
                product + bias.map_or(0.0, |(_, bias)| bias[j])
            })
            .collect()
    }
}

struct Collect {
    path: Vec<String>,
    found: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
}

impl ModuleVisitor for Collect {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.base();
        let shape = tensor.dims().to_vec();
        self.found.insert(self.path.join("."), (shape, values(tensor)));
    }
}

/// Adds `N(0, scale²)` to every parameter, so that no norm, bias or weight is one that could be left out.
pub(crate) fn shaken<M: Module>(module: M, scale: f64) -> M {
    struct Shake(f64, u64);
    impl ModuleMapper for Shake {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            self.1 += 1;
            let noise = Noise { seed: 99, distribution: Distribution::Gaussian };
            param.map(|t| {
                let z = noise.tensor(self.1, 0, t.dims(), &t.device()).unwrap();
                let (grad, moved) = (t.is_require_grad(), (t + z * self.0).detach());
                if grad { moved.require_grad() } else { moved }
            })
        }
    }
    module.map(&mut Shake(scale, 0))
}

/// Whether each parameter can be changed in place; the backend `ndarray` always denies it.
pub(crate) fn all_unique<M: Module>(module: M) -> bool {
    struct Unique(bool);
    impl ModuleMapper for Unique {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|t| {
                self.0 &= t.can_mut();
                t
            })
        }
    }
    let mut unique = Unique(true);
    module.map(&mut unique);
    unique.0
}

pub(crate) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.try_into_vec_as::<f64>().unwrap()
}

#[track_caller]
pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "entry {i}: {a}, but expected {b}");
    }
}

pub(crate) fn tiny_bert(device: &Device) -> Bert {
    let config = BertConfig {
        vocab_size: 13,
        hidden_size: 12,
        num_hidden_layers: 2,
        num_attention_heads: 3,
        intermediate_size: 10,
        max_position_embeddings: 9,
        ..BertConfig::default()
    };
    shaken(Bert::random(&config, 1, device).unwrap(), 0.4)
}

pub(crate) fn tiny_llama(device: &Device) -> Llama {
    let config = LlamaConfig {
        vocabulary: 13,
        width: 32,
        layers: 2,
        heads: 4,
        key_value_heads: 2,
        feed_forward_width: 64,
        context: 9,
        norm_epsilon: 1e-5,
        rotary_base: 100.0,
    };
    shaken(Llama::random(&config, 1, device).unwrap(), 0.2)
}

/// Three texts of different lengths.
pub(crate) fn texts() -> [Vec<u32>; 3] {
    [vec![3, 1, 4, 1, 5], vec![9, 2], vec![6, 5, 3, 12, 8, 0, 7]]
}

pub(crate) fn softmax(x: &[f64]) -> Vec<f64> {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exp: Vec<f64> = x.iter().map(|x| (x - largest).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.iter().map(|e| e / sum).collect()
}

pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn add(x: &[f64], y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x + y).collect()
}

/// Attention of each position to those that `sees(from, to)` allows; head `h` of the queries uses head `h /
/// group` of keys and values.
fn attend(q: &Rows, k: &Rows, v: &Rows, heads: usize, group: usize, sees: fn(usize, usize) -> bool) -> Rows {
    let width = q[0].len() / heads;
    let head = |x: &[f64], h: usize| x[h * width..][..width].to_vec();
    (0..q.len())
        .map(|i| {
            (0..heads)
                .flat_map(|h| {
                    let seen: Vec<usize> = (0..k.len()).filter(|&j| sees(i, j)).collect();
                    let scores: Vec<f64> = seen
                        .iter()
                        .map(|&j| dot(&head(&q[i], h), &head(&k[j], h / group)) / (width as f64).sqrt())
                        .collect();
                    let weights = softmax(&scores);
                    let values: Vec<Vec<f64>> = seen.iter().map(|&j| head(&v[j], h / group)).collect();
                    (0..width)
                        .map(|d| weights.iter().zip(&values).map(|(w, v)| w * v[d]).sum())
                        .collect::<Vec<f64>>()
                })
                .collect()
        })
        .collect()
}

/// The error function by its series `2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1))`.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// The last hidden states of one text.
pub(crate) fn bert_hidden(p: &Parameters, config: &BertConfig, ids: &[u32]) -> Rows {
    let norm = |name: &str, x: &[f64]| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
        let (gamma, beta) = (p.values(&format!("{name}.gamma")), p.values(&format!("{name}.beta")));
        let deviation = (variance + config.layer_norm_eps).sqrt();
        x.iter().zip(gamma).zip(beta).map(|((x, g), b)| (x - mean) / deviation * g + b).collect::<Vec<f64>>()
    };
    let embedded = |(t, &id): (usize, &u32)| {
        let word = p.row("embeddings.word_embeddings.weight", id as usize);
        let position = p.row("embeddings.position_embeddings.weight", t);
        let kind = p.row("embeddings.token_type_embeddings.weight", 0);
        norm("embeddings.norm", &add(&add(word, position), kind))
    };
    let mut x: Rows = ids.iter().enumerate().map(embedded).collect();
    for layer in 0..config.num_hidden_layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let project = |part: &str| -> Rows { x.iter().map(|x| p.linear(&name(part), x)).collect() };
        let (q, k) = (project("attention.attn.query"), project("attention.attn.key"));
        let v = project("attention.attn.value");
        let context = attend(&q, &k, &v, config.num_attention_heads, 1, |_, _| true);
        x = x
            .iter()
            .zip(&context)
            .map(|(x, c)| {
                let dense = p.linear(&name("attention.output.dense"), c);
                let x = norm(&name("attention.output.norm"), &add(x, &dense));
                let inner = p.linear(&name("intermediate.dense"), &x);
                let gelu: Vec<f64> = inner
                    .iter()
                    .map(|x| 0.5 * x * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2)))
                    .collect();
                norm(&name("output.norm"), &add(&x, &p.linear(&name("output.dense"), &gelu)))
            })
            .collect();
    }
    x
}

/// The logits after each token of one text.
pub(crate) fn llama_logits(p: &Parameters, config: &LlamaConfig, ids: &[u32]) -> Rows {
    let norm = |name: &str, x: &[f64]| {
        let rms = (dot(x, x) / x.len() as f64 + config.norm_epsilon).sqrt();
        x.iter().zip(p.values(&format!("{name}.gamma"))).map(|(x, g)| x / rms * g).collect::<Vec<f64>>()
    };
    let width = config.width / config.heads;
    let rotate = |t: usize, x: Vec<f64>| {
        let mut rotated = x.clone();
        for start in (0..x.len()).step_by(width) {
            for i in 0..width / 2 {
                let angle = t as f64 * config.rotary_base.powf(-2.0 * i as f64 / width as f64);
                let (a, b) = (x[start + 2 * i], x[start + 2 * i + 1]);
                rotated[start + 2 * i] = a * angle.cos() - b * angle.sin();
                rotated[start + 2 * i + 1] = a * angle.sin() + b * angle.cos();
            }
        }
        rotated
    };
    let mut x: Rows = ids.iter().map(|&id| p.row("embedding.weight", id as usize).to_vec()).collect();
    for layer in 0..config.layers {
        let name = |part: &str| format!("layers.{layer}.{part}");
        let normal: Rows = x.iter().map(|x| norm(&name("attention_norm"), x)).collect();
        let project = |part: &str| -> Rows { normal.iter().map(|x| p.linear(&name(part), x)).collect() };
        let turned = |part: &str| -> Rows {
            project(part).into_iter().enumerate().map(|(t, x)| rotate(t, x)).collect()
        };
        let group = config.heads / config.key_value_heads;
        let v = project("value");
        let context = attend(&turned("query"), &turned("key"), &v, config.heads, group, |i, j| j <= i);
        x = x
            .iter()
            .zip(&context)
            .map(|(x, c)| {
                let x = add(x, &p.linear(&name("output"), c));
                let normal = norm(&name("feed_forward_norm"), &x);
                let (gate, up) = (p.linear(&name("gate"), &normal), p.linear(&name("up"), &normal));
                let inner: Vec<f64> = gate.iter().zip(&up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
                add(&x, &p.linear(&name("down"), &inner))
            })
            .collect();
    }
    x.iter()
        .map(|x| {
            let x = norm("norm", x);
            (0..config.vocabulary).map(|id| dot(&x, p.row("embedding.weight", id))).collect()
        })
        .collect()
}
