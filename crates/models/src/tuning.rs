//! Which parameters are trained, and where random ones come from.

use burn::module::{Lora, Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use kiln_core::check;
use kiln_tensor::{Distribution, Noise, TensorError};

use crate::ModelError;

/// Attaches Burn's low-rank adapters (Hu et al., *`LoRA`: low-rank adaptation of large language models*, ICLR
/// 2022) with random numbers from a seed: a weight `W` becomes `W + (alpha / rank) A B`, of which only `A`
/// and `B` are trained. `B` begins at zero and `A` at `N(0, init_std²)`, so the model is at first what it
/// was. All other parameters are frozen, those of a classifier's head included.
///
/// Burn's `apply_lora` alone draws `A` from the process-wide generator.
///
/// # Errors
/// [`InputError::Setting`](kiln_core::InputError::Setting) for a rank of 0, or numbers that are not finite.
pub fn with_lora<M: Module>(module: M, lora: Lora, seed: u64) -> Result<M, ModelError> {
    check::at_least_one("rank", lora.rank)?;
    check::finite("alpha", lora.alpha)?;
    let std = lora.init_std.unwrap_or(1.0 / lora.rank as f64);
    check::nonnegative("init_std", std)?;
    draw(module.apply_lora(lora), std, seed, |path, _| path.ends_with(&["lora".to_owned(), "a".to_owned()]))
}

/// Replaces all matrices by draws from `N(0, std²)`.
pub(crate) fn draw_matrices<M: Module>(module: M, std: f64, seed: u64) -> Result<M, ModelError> {
    draw(module, std, seed, |_, dimensions| dimensions >= 2)
}

/// Replaces the parameters that `chosen(path, dimensions)` picks by draws from `N(0, std²)`; the `i`-th of
/// them has noise stream `i`.
fn draw<M: Module>(
    module: M,
    std: f64,
    seed: u64,
    chosen: impl Fn(&[String], usize) -> bool,
) -> Result<M, ModelError> {
    let noise = Noise { seed, distribution: Distribution::Gaussian };
    let mut draw = Draw { noise, std, chosen, path: vec![], stream: 0, error: None };
    let module = module.map(&mut draw);
    match draw.error {
        Some(error) => Err(error.into()),
        None => Ok(module),
    }
}

struct Draw<F> {
    noise: Noise,
    std: f64,
    chosen: F,
    path: Vec<String>,
    stream: u64,
    error: Option<TensorError>,
}

impl<F: Fn(&[String], usize) -> bool> ModuleMapper for Draw<F> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !(self.chosen)(&self.path, D) {
            return param;
        }
        param.map(|t| match self.noise.tensor(self.stream, 0, t.dims(), (&t.device(), t.dtype())) {
            Ok(noise) => {
                self.stream += 1;
                let drawn = noise * self.std;
                if t.is_require_grad() { drawn.detach().require_grad() } else { drawn }
            }
            Err(error) => {
                self.error.get_or_insert(error);
                t
            }
        })
    }
}

/// Freezes the embeddings and the first `layers` layers. A layer is an element of a `Vec` in the module,
/// embeddings are what is called `embedding` or `embeddings`.
pub(crate) fn freeze_first<M: Module>(module: M, layers: usize) -> M {
    module.map(&mut Freeze { layers, path: vec![] })
}

struct Freeze {
    layers: usize,
    path: Vec<bool>,
}

impl ModuleMapper for Freeze {
    fn enter_module(&mut self, name: &str, container: &str) {
        let early = container == "Vec" && name.parse::<usize>().is_ok_and(|layer| layer < self.layers);
        self.path.push(early || matches!(name, "embedding" | "embeddings"));
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.path.contains(&true) { param.set_require_grad(false) } else { param }
    }
}
