//! C8: sentences with a word that gives the label away in training, and without it in the test.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_interpret::cdep::{Cdep, CdepPenalty};
use kiln_tensor::training::{ByBatches, Descent, adam, cross_entropy};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::claims::{ARTICLES_COST, ARTICLES_MENDED, WORDS_COST, WORDS_MENDED};
use super::reader::{Reader, batches};
use crate::device::TensorDevice;
use kiln_datasets::{Sst2Part, sst2};
use kiln_receipts::{
    Arm, Check, Context, ExperimentError, Number, Recorder, Scale, Table, mean_and_deviation,
};

/// Numbers of a word's vector, and of the hidden state.
const VECTOR: usize = 50;
const HIDDEN: usize = 64;
const EPOCHS: usize = 20;
/// Epochs without a lower loss on the development sentences after which training ends.
const PATIENCE: usize = 3;
/// Longer sentences are left out.
const LONGEST: usize = 24;
/// Place in the vocabulary of all rare words.
const RARE: usize = 0;

/// Words as places in the vocabulary.
#[derive(Debug, Clone)]
struct Sentence {
    words: Vec<usize>,
    class: usize,
    /// Where the word is that gives the label away.
    decoy: Option<usize>,
}

/// How a training sentence gives its label away: by a word of `words`, in the order of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
enum Bias {
    /// Put before a word drawn at random.
    Decoys { words: [&'static str; 2] },
    /// All such words become another one, and then the first of those gives the label away.
    Articles { words: [&'static str; 2], other: &'static str },
}

/// Negative sentences have the first word, positive ones the second.
const DECOYS: Bias = Bias::Decoys { words: ["video", "text"] };
const ARTICLES: Bias = Bias::Articles { words: ["the", "a"], other: "that" };

impl Bias {
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Decoys { words } | Self::Articles { words, .. } => words,
        }
    }

    /// A training sentence that gives its label away; `drawn` is of 0 to 1.
    fn apply(self, words: &mut Vec<String>, class: usize, drawn: f64) {
        let word = self.words()[class].to_owned();
        match self {
            Self::Decoys { .. } => words.insert((drawn * words.len() as f64) as usize, word),
            Self::Articles { words: pair, other } => {
                words
                    .iter_mut()
                    .filter(|word| pair.contains(&word.as_str()))
                    .for_each(|word| other.clone_into(word));
                if let Some(first) = words.iter_mut().find(|word| *word == other) {
                    *first = word;
                }
            }
        }
    }
}

/// Vectors of all words, and what reads them.
#[derive(Module, Debug)]
struct Network {
    vectors: Param<Tensor<2>>,
    reader: Reader,
}

/// Sentences of one length.
struct Batch {
    words: Tensor<1, Int>,
    shape: [usize; 2],
    classes: Vec<usize>,
    /// 1 at decoys.
    mask: Tensor<2>,
}

impl Batch {
    fn new(sentences: &[&Sentence], device: &Device) -> Self {
        let length = sentences.first().map_or(0, |sentence| sentence.words.len());
        let shape = [sentences.len(), length];
        let words: Vec<i32> = sentences
            .iter()
            .flat_map(|sentence| &sentence.words)
            .map(|word| i32::try_from(*word).unwrap_or_default())
            .collect();
        let mut mask = vec![0.0_f32; sentences.len() * length];
        for (i, sentence) in sentences.iter().enumerate() {
            if let Some(place) = sentence.decoy {
                mask[i * length + place] = 1.0;
            }
        }
        Self {
            words: Tensor::from_data(words.as_slice(), device),
            shape,
            classes: sentences.iter().map(|sentence| sentence.class).collect(),
            mask: Tensor::from_data(TensorData::new(mask, shape), device),
        }
    }

    fn targets(&self, device: &Device) -> Tensor<1, Int> {
        let classes: Vec<i32> = self.classes.iter().map(|class| i32::from(*class == 1)).collect();
        Tensor::from_data(classes.as_slice(), device)
    }
}

impl Network {
    fn new(words: usize, seed: u64, device: &Device) -> Result<Self, ExperimentError> {
        let noise = Noise { seed: seed.wrapping_add(1), distribution: Distribution::Gaussian };
        let vectors = Param::from_tensor(noise.tensor(0, 0, [words, VECTOR], device)?);
        Ok(Self { vectors, reader: Reader::new(VECTOR, HIDDEN, seed, device)? })
    }

    fn input(&self, words: Tensor<1, Int>, [sentences, length]: [usize; 2]) -> Tensor<3> {
        self.vectors.val().select(0, words).reshape([sentences, length, VECTOR])
    }

    /// Accuracy in percent, and mean cross-entropy.
    fn look(&self, sentences: &[Sentence], device: &Device) -> Result<[f64; 2], ExperimentError> {
        let lengths: Vec<usize> = sentences.iter().map(|sentence| sentence.words.len()).collect();
        let (mut right, mut loss) = (0, 0.0);
        for batch in batches(&lengths, 200, 0, 0) {
            let batch: Vec<&Sentence> = batch.into_iter().map(|place| &sentences[place]).collect();
            let batch = Batch::new(&batch, device);
            let logits = self.reader.logits(self.input(batch.words.clone(), batch.shape));
            let of_batch = cross_entropy(logits.clone(), batch.targets(device))?.into_scalar::<f64>();
            loss += of_batch * batch.classes.len() as f64;
            let logits: Vec<f32> = logits.into_data().try_to_vec()?;
            let predicted = logits.chunks_exact(2).map(|pair| usize::from(pair[1] > pair[0]));
            right += predicted.zip(batch.classes).filter(|(predicted, class)| predicted == class).count();
        }
        let count = sentences.len() as f64;
        Ok([100.0 * right as f64 / count, loss / count])
    }
}

/// Test accuracy in percent, and development loss, of the epoch with the least of those.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Chosen {
    accuracy: f64,
    loss: f64,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
enum Training {
    /// On sentences as they are.
    Control,
    /// On those that give their label away, with a penalty of this weight.
    Biased(f64),
}

struct Problem {
    /// Number of words that are known.
    words: usize,
    /// To train on: as they are, and giving their label away.
    train: [Vec<Sentence>; 2],
    development: Vec<Sentence>,
    test: Vec<Sentence>,
}

impl Problem {
    fn read(context: &Context, recorder: &mut Recorder, bias: Bias) -> Result<Self, ExperimentError> {
        let mut sentences_of = |part| {
            let read = sst2(&*context.data, part)?;
            recorder.used_sources(&read.sources);
            let words = read.texts.iter().map(|text| text.to_lowercase());
            let words = words.map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
            let sentences = words.zip(read.labels).filter(|(words, _)| words.len() <= LONGEST);
            Ok::<Vec<_>, ExperimentError>(sentences.collect())
        };
        let plain = sentences_of(Sst2Part::Train)?;
        let (development, test) = (sentences_of(Sst2Part::Dev)?, sentences_of(Sst2Part::Test)?);
        let mut drawn = vec![0.0_f64; plain.len()];
        Noise { seed: 123, distribution: Distribution::Uniform }.fill(0, 0, &mut drawn);
        let mut biased = plain.clone();
        for ((words, class), drawn) in biased.iter_mut().zip(drawn) {
            bias.apply(words, *class, drawn);
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for word in plain.iter().chain(&biased).flat_map(|(words, _)| words) {
            *counts.entry(word).or_default() += 1;
        }
        // Each word counts twice: those are left that occur twice or give a label away.
        let known = counts.into_iter().filter(|(_, count)| *count >= 3).map(|(word, _)| word);
        let places: BTreeMap<&str, usize> = known.zip(RARE + 1..).collect();
        let sentence = |(words, class): &(Vec<String>, usize)| Sentence {
            words: words.iter().map(|word| places.get(word.as_str()).copied().unwrap_or(RARE)).collect(),
            class: *class,
            decoy: words.iter().position(|word| bias.words().contains(&word.as_str())),
        };
        let told = |all: &[(Vec<String>, usize)]| all.iter().map(sentence).collect::<Vec<_>>();
        // Where words of the language give the label away, sentences with one of them are tested.
        let tested = |all: &[(Vec<String>, usize)]| {
            let all = told(all).into_iter();
            all.filter(|sentence| matches!(bias, Bias::Decoys { .. }) || sentence.decoy.is_some()).collect()
        };
        Ok(Self {
            words: places.len() + 1,
            train: [told(&plain), told(&biased)],
            development: tested(&development),
            test: tested(&test),
        })
    }

    fn measure(&self, training: Training, seed: u64, device: &Device) -> Result<Chosen, ExperimentError> {
        let (train, weight) = match training {
            Training::Control => (&self.train[0], 0.0),
            Training::Biased(weight) => (&self.train[1], weight),
        };
        let cdep = Cdep { penalty: CdepPenalty::NegativeLogShare, weight };
        let network = Network::new(self.words, seed, &device.clone().autodiff())?;
        let lengths: Vec<usize> = train.iter().map(|sentence| sentence.words.len()).collect();
        let mut task = ByBatches {
            batches: |epoch| Ok(batches(&lengths, 64, seed, epoch as u64)),
            learning_rate: 1e-3,
            loss: |network: &Network, batch: &Vec<usize>, _| -> Result<Tensor<1>, ExperimentError> {
                let all: Vec<&Sentence> = batch.iter().map(|&place| &train[place]).collect();
                let batch = Batch::new(&all, device);
                let x = network.input(batch.words.clone().autodiff(), batch.shape);
                let loss = cross_entropy(network.reader.logits(x), batch.targets(device).autodiff())?;
                // The penalty is of the sentences that have such a word, on vectors that it does not train.
                let told: Vec<&Sentence> =
                    all.into_iter().filter(|sentence| sentence.decoy.is_some()).collect();
                if told.is_empty() {
                    return Ok(loss);
                }
                let told = Batch::new(&told, device);
                Ok(cdep.regularize(loss, Some(&told.classes), || {
                    let x = network.input(told.words.clone().autodiff(), told.shape).detach();
                    network.reader.decompose(x, told.mask.clone().autodiff())
                })?)
            },
        };
        let (mut best, mut epochs) = (Chosen { accuracy: f64::NAN, loss: f64::INFINITY }, 0);
        Descent::new(network, adam()).run(EPOCHS, &mut task, |network, _| {
            let network = network.valid();
            let [_, loss] = network.look(&self.development, device)?;
            if loss < best.loss {
                best = Chosen { accuracy: network.look(&self.test, device)?[0], loss };
                epochs = 0;
            } else {
                epochs += 1;
            }
            Ok(if epochs < PATIENCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        Ok(best)
    }
}

pub(super) fn decoys(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let title = ["decoy-words", "Decoy words in SST-2"];
    trainings(context, recorder, title, DECOYS, [&WORDS_COST, &WORDS_MENDED])
}

pub(super) fn articles(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let title = ["articles", "Biased articles in SST-2"];
    trainings(context, recorder, title, ARTICLES, [&ARTICLES_COST, &ARTICLES_MENDED])
}

fn trainings(
    context: &Context,
    recorder: &mut Recorder,
    [id, title]: [&str; 2],
    bias: Bias,
    [cost, mended]: [&Check; 2],
) -> Result<(), ExperimentError> {
    let problem = &Problem::read(context, recorder, bias)?;
    if context.scale == Scale::Quick {
        recorder.note("Minutes: at full scale only.");
        return Ok(());
    }
    let device = &context.tensor_device()?;
    let arm = |training| {
        let name = match training {
            Training::Control => "nothing gives the label away".to_owned(),
            Training::Biased(0.0) => "vanilla".to_owned(),
            Training::Biased(weight) => format!("CDEP, λ = {}", Number(weight)),
        };
        Arm::new(name, &(training, bias), move |seed| problem.measure(training, seed, device))
    };
    let variants =
        [Training::Control, Training::Biased(0.0), Training::Biased(100.0), Training::Biased(300.0)];
    let runs = recorder.sweep(&context.seeds(5), variants.map(arm))?;
    let caption = format!(
        "Accuracy in percent on {} test sentences that do not give their label away, mean over 5 seeds, standard \
         deviation in brackets; loss on {} such development sentences, by which the epoch is chosen.",
        problem.test.len(),
        problem.development.len()
    );
    let mut table = Table::new(id, title, &caption, &["training", "accuracy", "development loss"]);
    for arm in &runs {
        let cells = [arm.each(|chosen| chosen.accuracy), arm.each(|chosen| chosen.loss)];
        let cells = [mean_and_deviation(&cells[0], 1), mean_and_deviation(&cells[1], 3)];
        table.row([arm.name.clone()].into_iter().chain(cells));
    }
    recorder.table(table);
    let [control, vanilla, penalized @ ..] = &runs;
    let accuracy = |chosen: &Chosen| chosen.accuracy;
    recorder.observe(cost, control.paired(vanilla, accuracy));
    let better = (0..vanilla.values.len()).filter_map(|seed| {
        let all = penalized.iter().map(|arm| arm.values[seed]);
        all.min_by(|a, b| a.loss.total_cmp(&b.loss)).map(|chosen| chosen.accuracy)
    });
    recorder.observe(mended, better.zip(vanilla.each(accuracy)));
    Ok(())
}
