//! C8: sentences with a word that gives the label away in training and misleads in the test.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use kiln_interpret::cdep::{Cdep, CdepPenalty};
use kiln_tensor::training::{ByBatches, Descent, adam, cross_entropy};
use kiln_tensor::{Distribution, Noise};
use serde::{Deserialize, Serialize};

use super::difference;
use super::reader::{Reader, batches};
use crate::device::TensorDevice;
use kiln_datasets::{Sst2Part, sst2};
use kiln_receipts::{Context, ExperimentError, Number, Recorder, Scale, Table, mean_and_deviation};

/// Numbers of a word's vector, and of the hidden state.
const VECTOR: usize = 50;
const HIDDEN: usize = 64;
const EPOCHS: usize = 6;
/// Longer sentences are left out.
const LONGEST: usize = 24;
/// Places of the decoys in the vocabulary, and of all rare words.
const DECOYS: [usize; 2] = [0, 1];
const RARE: usize = 2;

/// Words as places in the vocabulary.
#[derive(Debug, Clone)]
struct Sentence {
    words: Vec<usize>,
    class: usize,
    /// Where the decoy is.
    decoy: Option<usize>,
}

/// What the decoy says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Decoy {
    None,
    OfLabel,
    Reversed,
    Random,
}

fn with_decoys(sentences: &[Sentence], decoy: Decoy, seed: u64) -> Vec<Sentence> {
    let mut drawn = vec![0.0_f64; 2 * sentences.len()];
    Noise { seed, distribution: Distribution::Uniform }.fill(0, 0, &mut drawn);
    let add = |(sentence, drawn): (&Sentence, &[f64])| {
        let mut sentence = sentence.clone();
        let which = match decoy {
            Decoy::None => return sentence,
            Decoy::OfLabel => sentence.class,
            Decoy::Reversed => 1 - sentence.class,
            Decoy::Random => usize::from(drawn[1] < 0.5),
        };
        let place = (drawn[0] * (sentence.words.len() + 1) as f64) as usize;
        sentence.words.insert(place, DECOYS[which]);
        sentence.decoy = Some(place);
        sentence
    };
    sentences.iter().zip(drawn.chunks_exact(2)).map(add).collect()
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

    fn accuracy(&self, sentences: &[Sentence], device: &Device) -> Result<f64, ExperimentError> {
        let lengths: Vec<usize> = sentences.iter().map(|sentence| sentence.words.len()).collect();
        let mut right = 0;
        for batch in batches(&lengths, 200, 0, 0) {
            let batch: Vec<&Sentence> = batch.into_iter().map(|place| &sentences[place]).collect();
            let batch = Batch::new(&batch, device);
            let logits = self.reader.logits(self.input(batch.words, batch.shape));
            let logits: Vec<f32> = logits.into_data().try_to_vec()?;
            let predicted = logits.chunks_exact(2).map(|pair| usize::from(pair[1] > pair[0]));
            right += predicted.zip(batch.classes).filter(|(predicted, class)| predicted == class).count();
        }
        Ok(100.0 * right as f64 / sentences.len() as f64)
    }
}

/// Test accuracies of one training, in percent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Accuracies {
    last: f64,
    /// After the epoch that is best on the development sentences with random decoys.
    chosen: f64,
}

struct Problem {
    words: usize,
    /// To train on, to choose on, to test on.
    parts: [Vec<Sentence>; 3],
}

/// `None` trains and tests without decoys.
fn measure(
    problem: &Problem,
    weight: Option<f64>,
    seed: u64,
    device: &Device,
) -> Result<Accuracies, ExperimentError> {
    let decoys = match weight {
        None => [Decoy::None; 3],
        Some(_) => [Decoy::OfLabel, Decoy::Random, Decoy::Reversed],
    };
    let parts: Vec<Vec<Sentence>> = (0_u64..)
        .zip(problem.parts.iter().zip(decoys))
        .map(|(part, (sentences, decoy))| with_decoys(sentences, decoy, seed.wrapping_add(part)))
        .collect();
    let cdep = Cdep { penalty: CdepPenalty::NegativeLogShare, weight: weight.unwrap_or(0.0) };
    let network = Network::new(problem.words, seed, &device.clone().autodiff())?;
    let lengths: Vec<usize> = parts[0].iter().map(|sentence| sentence.words.len()).collect();
    let mut task = ByBatches {
        batches: |epoch| Ok(batches(&lengths, 50, seed, epoch as u64)),
        learning_rate: 1e-3,
        loss: |network: &Network, batch: &Vec<usize>, _| -> Result<Tensor<1>, ExperimentError> {
            let batch: Vec<&Sentence> = batch.iter().map(|&place| &parts[0][place]).collect();
            let batch = Batch::new(&batch, device);
            let x = network.input(batch.words.clone().autodiff(), batch.shape);
            let loss = cross_entropy(network.reader.logits(x.clone()), batch.targets(device).autodiff())?;
            let mask = batch.mask.autodiff();
            Ok(cdep.regularize(loss, Some(&batch.classes), || network.reader.decompose(x, mask))?)
        },
    };
    let mut looks = Vec::new();
    Descent::new(network, adam()).run(EPOCHS, &mut task, |network, _| {
        let network = network.valid();
        looks.push([network.accuracy(&parts[1], device)?, network.accuracy(&parts[2], device)?]);
        Ok(ControlFlow::Continue(()))
    })?;
    let chosen = looks.iter().rev().max_by(|a, b| a[0].total_cmp(&b[0]));
    let of = |look: Option<&[f64; 2]>| look.map_or(f64::NAN, |look| look[1]);
    Ok(Accuracies { last: of(looks.last()), chosen: of(chosen) })
}

pub(super) fn sentences(context: &Context, recorder: &mut Recorder) -> Result<(), ExperimentError> {
    let mut texts = Vec::new();
    for part in [Sst2Part::Train, Sst2Part::Dev, Sst2Part::Test] {
        let read = sst2(&*context.data, part)?;
        read.sources.iter().cloned().for_each(|source| recorder.used_data(source));
        texts.push(read);
    }
    if context.scale == Scale::Quick {
        recorder.note("Minutes: at full scale only.");
        return Ok(());
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for word in texts[0].texts.iter().flat_map(|text| text.split_whitespace()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    let known = counts.into_iter().filter(|(_, count)| *count >= 2).map(|(word, _)| word);
    let places: BTreeMap<String, usize> = known.zip(RARE + 1..).collect();
    let parts = [0, 1, 2].map(|part| {
        let all = texts[part].texts.iter().zip(&texts[part].labels).map(|(text, &class)| Sentence {
            words: text
                .split_whitespace()
                .map(|word| places.get(&word.to_lowercase()).copied().unwrap_or(RARE))
                .collect(),
            class,
            decoy: None,
        });
        all.filter(|sentence| sentence.words.len() <= LONGEST).collect()
    });
    let problem = Problem { words: places.len() + RARE + 1, parts };

    let device = context.tensor_device()?;
    let variants = [None, Some(0.0), Some(100.0), Some(300.0)];
    let seeds = context.seeds(2);
    let mut table = Table::new(
        "decoy-words",
        "Decoy words in SST-2",
        &format!(
            "Accuracy on {} test sentences in percent, mean over the seeds, standard deviation in brackets: \
             after the last epoch, and after the one that is best on the development sentences with random decoys.",
            problem.parts[2].len()
        ),
        &["training", "last epoch", "chosen epoch"],
    );
    let progress = recorder.progress((variants.len() * seeds.len()) as u64, "trainings");
    let (mut last, mut chosen) = (Vec::new(), Vec::new());
    for weight in variants {
        let name = match weight {
            None => "no decoy".to_owned(),
            Some(0.0) => "vanilla".to_owned(),
            Some(weight) => format!("CDEP, λ = {}", Number(weight)),
        };
        let mut found = Vec::new();
        for &seed in &seeds {
            let measured =
                recorder.memo(&format!("{name} {seed}"), || measure(&problem, weight, seed, &device))?;
            found.push(measured);
            progress.inc(1);
        }
        let of = |get: fn(&Accuracies) -> f64| found.iter().map(get).collect::<Vec<_>>();
        table.row([name, mean_and_deviation(&of(|a| a.last), 1), mean_and_deviation(&of(|a| a.chosen), 1)]);
        last.push(of(|a| a.last));
        chosen.push(of(|a| a.chosen));
    }
    drop(progress);
    recorder.table(table);
    recorder.record("C8", "no decoy minus vanilla", difference(&last[0], &last[1]));
    recorder.record("C8", "CDEP (λ = 100) minus vanilla", difference(&last[2], &last[1]));
    // Guessing is right half of the time.
    let better = chosen[2].iter().zip(&chosen[3]).map(|(a, b)| a.max(*b));
    recorder.record("C8", "CDEP, the better λ, chosen epochs", better);
    Ok(())
}
