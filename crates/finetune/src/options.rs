//! The command line of `cargo xtask finetune`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::choices::{Tune, TuningObjective, TuningStepSize};

/// Fine-tunes a language model to sort texts into classes, by values of the loss alone (MeZO, MeZO-SVRG) or
/// by gradients.
///
/// A zeroth-order method needs no gradient: it measures the loss on both sides along a random direction and
/// moves along that direction. So it takes the memory of inference, can train on accuracy itself, and leaves
/// a log of a few bytes for each step from which the tuned weights can be rebuilt, undone or compared.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_long_help = EXAMPLES)]
pub struct FinetuneCommand {
    #[command(subcommand)]
    pub(super) log: Option<LogCommand>,
    #[command(flatten)]
    pub(super) train: Box<TrainOptions>,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask data get minilm                                     once: the model, 91 MB
  cargo xtask finetune --model minilm --train text/sst2-train.tsv --eval text/sst2-dev.tsv
  cargo xtask finetune --model minilm --train my.tsv --eval held-out.tsv --method mezo-svrg --steps 2000
  cargo xtask finetune --model bert/ --train my.tsv --eval held-out.tsv --method adam --steps 300
  cargo xtask finetune --model minilm --train my.tsv --eval held-out.tsv --objective accuracy --tune lora=8
  cargo xtask finetune ... --resume                               goes on after Ctrl-C, to the same bits
  cargo xtask finetune info target/finetune/RUN/replay.zo         what a log holds
  cargo xtask finetune replay target/finetune/RUN/replay.zo       the tuned weights from base model and log

Tables are UTF-8 text, one row a line, fields separated by tabs. With a header, the columns `label` and `sentence`
(or `text`, or both columns of a pair such as `question` and `sentence`) are found by name; without one, the table has
two columns, and the one of whole numbers is the label. A table may be named as in shared/data (text/sst2-dev.tsv),
and may end in .gz.

OUT then holds weights.safetensors (the trainable parameters), report.json, run.json (the options), checkpoint, and
for zeroth-order methods replay.zo.";

/// What to do with a replay log.
#[derive(Debug, Subcommand)]
pub(super) enum LogCommand {
    /// Rebuild the weights of a run from the base model and its log, without evaluating anything
    Replay {
        /// The log; run.json must lie beside it.
        log: PathBuf,
        /// Only so many steps of it.
        #[arg(long, value_name = "STEP")]
        to: Option<u64>,
        #[command(flatten)]
        place: Place,
    },
    /// Take steps back from a run's last checkpoint: exactly with --restore grid, else up to rounding
    Undo {
        /// The log; run.json and checkpoint must lie beside it.
        log: PathBuf,
        /// How many steps stay.
        #[arg(long, value_name = "STEP")]
        to: u64,
        #[command(flatten)]
        place: Place,
    },
    /// Compare two logs: settings, first step that differs, how far apart
    Diff {
        /// One log.
        left: PathBuf,
        /// The other.
        right: PathBuf,
    },
    /// Say what a log holds
    Info {
        /// The log.
        log: PathBuf,
    },
}

/// Where `replay` and `undo` read and write.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Where the weights go, as safetensors.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// Look for the model here first, as with `finetune`.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Where tensors live; the bits do not depend on it.
    #[arg(long, default_value = "flex", value_parser = ["ndarray", "flex", "wgpu"])]
    pub(super) device: String,
}

/// How to train.
#[derive(Debug, Args)]
pub(super) struct TrainOptions {
    /// A folder with model.safetensors, config.json and tokenizer.json (BERT), a .gguf file (Llama), or
    /// `minilm` or `smollm2`, which `cargo xtask data get` fetches
    #[arg(long, value_name = "DIR|FILE|NAME", help_heading = "Model")]
    pub(super) model: Option<String>,
    /// Which parameters move: `full` all; `head` the classifier's head; `last-layers=K` the head and the last
    /// K layers; `lora=RANK` low-rank factors added to every weight matrix. Fewer parameters tolerate larger
    /// steps
    #[arg(long, default_value_t = Tune::Full, value_name = "WHICH", help_heading = "Model")]
    pub(super) tune: Tune,
    /// Begin with these weights, which an earlier run or `replay` wrote; --steps 0 only evaluates them
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    pub(super) weights: Option<PathBuf>,
    /// Cut texts after so many tokens; the cost of a step is proportional to it
    #[arg(long, default_value_t = 64, value_name = "TOKENS", help_heading = "Model")]
    pub(super) max_length: usize,
    /// Decoders only: what follows each text
    #[arg(long, default_value = " It was", value_name = "TEXT", help_heading = "Model")]
    pub(super) suffix: String,
    /// Decoders only: a word for each class, in the order of the labels, that the model is to answer
    #[arg(
        long,
        default_value = " terrible, great",
        value_delimiter = ',',
        value_name = "WORDS",
        help_heading = "Model"
    )]
    pub(super) words: Vec<String>,
    /// Where tensors live: flex is the fastest on a CPU
    #[arg(long, default_value = "flex", value_parser = ["ndarray", "flex", "wgpu"], help_heading = "Model")]
    pub(super) device: String,

    /// Table to train on
    #[arg(long, value_name = "TSV", help_heading = "Data")]
    pub(super) train: Option<String>,
    /// Table to evaluate on; its texts should not be in the training table
    #[arg(long, value_name = "TSV", help_heading = "Data")]
    pub(super) eval: Option<String>,
    /// Column of the texts, by name or by number from 1 [default: sentence, text or phrase]
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub(super) text_column: Option<String>,
    /// Column of the second text of each pair [default: by the names of GLUE's tasks on pairs]
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub(super) pair_column: Option<String>,
    /// Column of the labels [default: label]
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    pub(super) label_column: Option<String>,
    /// Train on so many rows, drawn by the seed. MeZO-SVRG's authors use 512: each anchor step passes over
    /// all
    #[arg(long, value_name = "ROWS", help_heading = "Data")]
    pub(super) train_limit: Option<usize>,
    /// Evaluate on so many rows, drawn by the seed
    #[arg(long, value_name = "ROWS", help_heading = "Data")]
    pub(super) eval_limit: Option<usize>,
    /// Look for tables and models in this folder first (laid out like shared/data)
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub(super) data: Option<PathBuf>,

    /// `mezo`: two forward passes a step, the memory of inference. `zo-sgd`: the same steps on a copy of the
    /// parameters, which come back exactly. `mezo-svrg`: less noise from small batches, for an anchor step on
    /// all examples now and then. `sgd`, `adam`: by gradients, to compare with
    #[arg(long, value_enum, default_value_t = MethodName::Mezo, help_heading = "Method")]
    pub(super) method: MethodName,
    /// Stop after so many steps [default: 1000, for sgd and adam 300]
    #[arg(long, value_name = "N", conflicts_with = "queries", help_heading = "Method")]
    pub(super) steps: Option<u64>,
    /// Stop when so many examples have passed forward through the model; a gradient counts as three
    #[arg(long, value_name = "N", help_heading = "Method")]
    pub(super) queries: Option<u64>,
    /// Examples in a batch
    #[arg(long, default_value_t = 64, value_name = "N", help_heading = "Method")]
    pub(super) batch_size: usize,
    /// Examples in the model at once: bounds the memory, changes the result by rounding only
    #[arg(long, default_value_t = 32, value_name = "N", help_heading = "Method")]
    pub(super) micro_batch: usize,
    /// η, or `auto`: a quarter of what the curvature of the loss on the first batch allows (found on
    /// a copy of the parameters)
    /// [default: 1e-3, for sgd 0.1; if all parameters move, for sgd 2e-3, for adam 5e-5 and for zeroth-order
    /// methods on a decoder 1e-6]
    #[arg(long, value_name = "NUMBER|auto", allow_negative_numbers = true, help_heading = "Method")]
    pub(super) step_size: Option<TuningStepSize>,
    /// What is minimised. accuracy and f1 have no gradient, so sgd and adam cannot
    #[arg(long, value_enum, default_value_t = TuningObjective::CrossEntropy, help_heading = "Method")]
    pub(super) objective: TuningObjective,
    /// Weights shrink by `η · DECAY` in each step; biases and norms do not
    #[arg(long, default_value_t = 0.0, value_name = "DECAY", help_heading = "Method")]
    pub(super) weight_decay: f32,
    /// Seed of batches, directions, LoRA's factors and the draw of rows
    #[arg(long, default_value_t = 0, help_heading = "Method")]
    pub(super) seed: u64,

    /// Half the distance between the two points that are compared
    #[arg(long, default_value_t = 1e-3, help_heading = "Zeroth order")]
    pub(super) eps: f32,
    /// Directions to average in each step, each for two more forward passes; mezo and zo-sgd only
    #[arg(long, default_value_t = 1, value_name = "N", help_heading = "Zeroth order")]
    pub(super) directions: usize,
    /// How directions are drawn: gaussian as in the papers; rademacher, signs, the fastest; sphere
    #[arg(
        long,
        default_value = "gaussian",
        value_parser = ["gaussian", "rademacher", "sphere"],
        help_heading = "Zeroth order",
    )]
    pub(super) distribution: String,
    /// How parameters come back after an evaluation. in-place: as MeZO's code, up to rounding. fused: the
    /// same bits in less time. copy: exactly, for twice the memory. grid: exactly in the memory of inference,
    /// on rounded parameters [default: fused; zo-sgd: copy]
    #[arg(
        long,
        value_parser = ["in-place", "fused", "copy", "grid"],
        help_heading = "Zeroth order",
    )]
    pub(super) restore: Option<String>,
    /// central: on both sides of the point. forward: on one side and at the point itself
    #[arg(
        long,
        default_value = "central",
        value_parser = ["central", "forward"],
        help_heading = "Zeroth order",
    )]
    pub(super) difference: String,

    /// η of anchor steps, on all training examples, or `auto` [default: ten times the step size]
    #[arg(long, value_name = "NUMBER|auto", allow_negative_numbers = true, help_heading = "MeZO-SVRG")]
    pub(super) anchor_step_size: Option<TuningStepSize>,
    /// An anchor step every so many steps
    #[arg(long, default_value_t = 2, value_name = "STEPS", help_heading = "MeZO-SVRG")]
    pub(super) anchor_period: u64,
    /// What is kept of the anchor. textbook: its parameters and gradient (three times the memory of
    /// inference). rank-one: its parameters (twice). replay: nothing, it is rebuilt by taking steps back
    /// (once)
    #[arg(
        long,
        default_value = "rank-one",
        value_parser = ["textbook", "rank-one", "replay"],
        help_heading = "MeZO-SVRG",
    )]
    pub(super) anchor_storage: String,
    /// corrected: the published method, one direction for both terms. official: what the authors' code does
    #[arg(
        long,
        default_value = "corrected",
        value_parser = ["corrected", "shared-cycle", "independent", "official"],
        help_heading = "MeZO-SVRG",
    )]
    pub(super) fidelity: String,
    /// Divide the step sizes by this when the loss has risen over epochs (the authors' code: 1.5 to 5)
    #[arg(long, value_name = "FACTOR", help_heading = "MeZO-SVRG")]
    pub(super) anneal: Option<f32>,

    /// Steps between evaluations; 0: only at the start and the end
    #[arg(long, default_value_t = 100, value_name = "STEPS", help_heading = "Output")]
    pub(super) eval_every: u64,
    /// Steps between checkpoints, each as large as the trainable parameters; 0: only at the end
    #[arg(long, default_value_t = 100, value_name = "STEPS", help_heading = "Output")]
    pub(super) checkpoint_every: u64,
    /// Folder of the run [default: target/finetune/MODEL-METHOD-TABLE]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(super) out: Option<PathBuf>,
    /// Go on with the run in OUT, with the same options; --steps, --queries, --eval-every and
    /// --checkpoint-every may differ
    #[arg(long, help_heading = "Output")]
    pub(super) resume: bool,
    /// The replay log of a zeroth-order method [default: replay.zo in OUT]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) log: Option<PathBuf>,
}

/// The methods, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum MethodName {
    Mezo,
    MezoSvrg,
    ZoSgd,
    Sgd,
    Adam,
}
