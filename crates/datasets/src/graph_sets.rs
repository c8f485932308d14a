//! The graphs of the catalogue, with the routes and hashes of each.

use super::catalogue::FileCheck::{self, File, Gunzipped, Unpinned};
use super::catalogue::{DataSet, Input, LicenceTerms, Original, Output, Package, Recipe, Tool};
use super::convert::{self, Convert};

/// A file of the authors of `LocalGraphClustering`.
macro_rules! clustering {
    ($file:literal) => {
        concat!(
            "https://raw.githubusercontent.com/kfoynt/LocalGraphClustering/",
            "a6325350997932d548a876deb259c2387fc2c809/notebooks/datasets/",
            $file
        )
    };
}

/// A file of the authors of p-norm flow diffusion.
macro_rules! diffusion {
    ($file:literal) => {
        concat!(
            "https://raw.githubusercontent.com/s-h-yang/pNormFlowDiffusion/",
            "ba0f59e6a1863d30a6198f5ab45b8ebc880ef93d/datasets/",
            $file
        )
    };
}

const fn from(from: &'static str, check: FileCheck) -> Input {
    Input { from, check }
}

const fn to(path: &'static str, check: FileCheck) -> Output {
    Output { path, check }
}

const fn recipe(inputs: &'static [Input], convert: Convert, outputs: &'static [Output]) -> Recipe {
    Recipe { inputs, convert, outputs }
}

/// Newman's networks, from the collection inside Debian's graph-tool. The package differs between processors,
/// so its files are pinned.
const fn collection(
    name: &'static str,
    what: &'static str,
    size: &'static str,
    files: &'static [&'static str],
    recipe: Recipe,
) -> DataSet {
    DataSet {
        name,
        what,
        size,
        licence: "free with citation (Newman's collection)",
        terms: LicenceTerms::Free,
        files,
        package: Some(Package {
            tool: Tool::Apt,
            name: "python3-graph-tool",
            version: "2.45+ds-10",
            archive_sha256: None,
            recipe,
        }),
        original: Original::ByHand(
            "M. Newman's network data page, or https://networks.skewed.de under the same name",
        ),
    }
}

const fn origin(
    name: &'static str,
    what: &'static str,
    size: &'static str,
    (licence, terms): (&'static str, LicenceTerms),
    files: &'static [&'static str],
    recipe: Recipe,
) -> DataSet {
    DataSet { name, what, size, licence, terms, files, package: None, original: Original::Fetch(recipe) }
}

const CLUSTERING: (&str, LicenceTerms) =
    ("the repository is MIT; of the graph itself none is stated: free with citation", LicenceTerms::Free);
const FACEBOOK: (&str, LicenceTerms) =
    ("none stated (Facebook100 collection)", LicenceTerms::ExperimentsOnly);

/// The graphs with groups.
pub(super) static GRAPHS: &[DataSet] = &[
    collection(
        "graph-labelled/karate",
        "Zachary's karate club, 2 clubs",
        "34 nodes, 78 edges",
        &["graph-labelled/karate.edges.tsv", "graph-labelled/karate.nodes.tsv"],
        recipe(
            &[from(
                "usr/lib/python3/dist-packages/graph_tool/collection/karate.gt.gz",
                File("64cf7a4d510d54d32be3998ccece409977e584c0bb61775a1c50d03a80a40e2b"),
            )],
            convert::karate,
            &[
                to(
                    "graph-labelled/karate.edges.tsv",
                    File("9b9d27dc0882b2ed3c1db3d11d9ea13db5088335250343f366cc223dc3131d6c"),
                ),
                to(
                    "graph-labelled/karate.nodes.tsv",
                    File("4b4c6d480be252ca111e505e128435a869734f374c328f3926d7a38701be15bf"),
                ),
            ],
        ),
    ),
    collection(
        "graph-labelled/dolphins",
        "dolphins of Doubtful Sound, no groups",
        "62 nodes, 159 edges",
        &["graph-labelled/dolphins.edges.tsv", "graph-labelled/dolphins.nodes.tsv"],
        recipe(
            &[from(
                "usr/lib/python3/dist-packages/graph_tool/collection/dolphins.gt.gz",
                File("509d361ad162140c19059b1451a1bb7842c63971ae8c95741ec77f60842972d4"),
            )],
            convert::dolphins,
            &[
                to(
                    "graph-labelled/dolphins.edges.tsv",
                    File("3fb910d224163d758d5606fe1aa7d4bdf25c37d140412101365cafc8436494bd"),
                ),
                to(
                    "graph-labelled/dolphins.nodes.tsv",
                    File("48feb2339ec074fa5fde8fdaad31b5369c0745b69d75efa3802e3a3b45ac713c"),
                ),
            ],
        ),
    ),
    collection(
        "graph-labelled/football",
        "American college football, 12 conferences",
        "115 nodes, 613 edges",
        &["graph-labelled/football.edges.tsv", "graph-labelled/football.nodes.tsv"],
        recipe(
            &[from(
                "usr/lib/python3/dist-packages/graph_tool/collection/football.gt.gz",
                File("4fce5086114186cf34725dc969b37d86cfd8efb1a9dfd419a2cdd1f11bc8dcc6"),
            )],
            convert::football,
            &[
                to(
                    "graph-labelled/football.edges.tsv",
                    File("509567cca3514bb3e519200ae87f107f588082f70f91626b3ca590b2b24b00cb"),
                ),
                to(
                    "graph-labelled/football.nodes.tsv",
                    File("9074fc5793350bc56f04f944aaebb18a821c09bdacdc22b9aa97739f132e5000"),
                ),
            ],
        ),
    ),
    collection(
        "graph-labelled/polbooks",
        "books on politics bought together, 3 leanings",
        "105 nodes, 441 edges",
        &["graph-labelled/polbooks.edges.tsv", "graph-labelled/polbooks.nodes.tsv"],
        recipe(
            &[from(
                "usr/lib/python3/dist-packages/graph_tool/collection/polbooks.gt.gz",
                File("75ea477dabf53884e329e7ff44e799e949766c6fbec04c6f03f18f057b592751"),
            )],
            convert::polbooks,
            &[
                to(
                    "graph-labelled/polbooks.edges.tsv",
                    File("c1c93cd4f80e28cbdbfd318ac300ba69d209b2d9631b25964fa0bc13f699aae6"),
                ),
                to(
                    "graph-labelled/polbooks.nodes.tsv",
                    File("5a9ac43fee260b1b37bd18e087d704a9b0d4460760e5cb3afbb4165fa6102763"),
                ),
            ],
        ),
    ),
    collection(
        "graph-labelled/polblogs",
        "links between blogs on politics, 2 leanings",
        "1,490 nodes, 16,715 edges",
        &["graph-labelled/polblogs.edges.tsv", "graph-labelled/polblogs.nodes.tsv"],
        recipe(
            &[from(
                "usr/lib/python3/dist-packages/graph_tool/collection/polblogs.gt.gz",
                File("3e6a876e6506a1b105700186d7ac2b909fbb7b36654526f1c7b64f511b055aa6"),
            )],
            convert::polblogs,
            &[
                to(
                    "graph-labelled/polblogs.edges.tsv",
                    File("2e5e4963742b112d23d48430ca95ec1eef45722eda9c3561a257f71a6b5bb240"),
                ),
                to(
                    "graph-labelled/polblogs.nodes.tsv",
                    File("214a498703e340a2608894a84d77a3f0e6f5db4cf86514a620bcc13bf9be746c"),
                ),
            ],
        ),
    ),
    origin(
        "graph-labelled/email-eu-core",
        "e-mails inside a research institution, 42 departments",
        "1,005 nodes, 16,064 edges",
        ("free with citation (SNAP)", LicenceTerms::Free),
        &["graph-labelled/email-eu-core.edges.tsv", "graph-labelled/email-eu-core.nodes.tsv"],
        recipe(
            &[
                from("https://snap.stanford.edu/data/email-Eu-core.txt.gz", Unpinned),
                from("https://snap.stanford.edu/data/email-Eu-core-department-labels.txt.gz", Unpinned),
            ],
            convert::email_eu_core,
            &[
                to(
                    "graph-labelled/email-eu-core.edges.tsv",
                    File("ddd178c15574b6ee7a66c06c83b4a28e63e80606735513c8a897918ea78593c0"),
                ),
                to(
                    "graph-labelled/email-eu-core.nodes.tsv",
                    File("f29c9e2130045d413148b5bd992d3279e0c9fc788ea54be0569590b1267eda30"),
                ),
            ],
        ),
    ),
    origin(
        "graph-labelled/ppi-mips",
        "yeast proteins, 220 overlapping complexes",
        "1,096 nodes, 13,221 edges",
        CLUSTERING,
        &[
            "graph-labelled/ppi-mips.edges.tsv",
            "graph-labelled/ppi-mips.nodes.tsv",
            "graph-labelled/ppi-mips.communities.tsv",
        ],
        recipe(
            &[
                from(
                    clustering!("ppi_mips.graphml"),
                    File("1b7fa5190df6d63d946a12bcfcc9b5da9bc68fc36b0d88422bc41963cf08d39b"),
                ),
                from(
                    clustering!("ppi_mips_ground_truth.csv"),
                    File("0010df354a0419eccd467d130ae5f9eed3c811938451373c9893349438f12c85"),
                ),
            ],
            convert::ppi_mips_labelled,
            &[
                to(
                    "graph-labelled/ppi-mips.edges.tsv",
                    File("033aea6e6eceb144ee56bd3f9bf8a23961c105a0d3ec02538ae7175795a78171"),
                ),
                to(
                    "graph-labelled/ppi-mips.nodes.tsv",
                    File("75ee6cdcd6ca009fd9a26334a8b6fc1725806aaff8a26899d86302e56a55f021"),
                ),
                to(
                    "graph-labelled/ppi-mips.communities.tsv",
                    File("4e278126ec9359e7e60139a51333fba873fad1c59f4f63b51c0687c0e3043688"),
                ),
            ],
        ),
    ),
    origin(
        "graph-labelled/sfld",
        "enzyme similarities (weighted), 29 families",
        "232 nodes, 15,570 edges",
        CLUSTERING,
        &["graph-labelled/sfld.edges.tsv", "graph-labelled/sfld.nodes.tsv"],
        recipe(
            &[
                from(
                    clustering!("sfld_brown_et_al_amidohydrolases_protein_similarities_for_beh.csv"),
                    File("efe1a73f05608a6f6b2cf1af295365d5caed86e75c78cb33c6a7723260ff6f8b"),
                ),
                from(
                    clustering!(
                        "sfld_brown_et_al_amidohydrolases_protein_similarities_for_beh_ground_truth.csv"
                    ),
                    File("0d1b35011c38a01f54c7db77a90a20b06d96aeee450d0707c51f8ea8d3d86a88"),
                ),
            ],
            convert::sfld_labelled,
            &[
                to(
                    "graph-labelled/sfld.edges.tsv",
                    File("c8d7a32eedf9abb560d60b0f6ffb2cd4634bd41e1b32a717d9b35a7184577543"),
                ),
                to(
                    "graph-labelled/sfld.nodes.tsv",
                    File("d438ecaadac20a00b64e8117ac80e2e35a38219a2641f0f4eaf22db6bc3797af"),
                ),
            ],
        ),
    ),
    origin(
        "graph-labelled/blogcatalog",
        "bloggers, 39 overlapping groups that local clustering should not find",
        "10,312 nodes, 333,983 edges",
        CLUSTERING,
        &["graph-labelled/blogcatalog.edges.tsv.gz", "graph-labelled/blogcatalog.communities.tsv"],
        recipe(
            &[
                from(
                    clustering!("BlogCatalog-dataset/data/edges.csv"),
                    File("85941eb8e48830f3b8fbc948ea1023b902e92d048d1ce71acd07069776a2f59b"),
                ),
                from(
                    clustering!("BlogCatalog-dataset/data/group-edges.csv"),
                    File("6356302d43807876c7743f83b53e2a6c3cd9589350e4129a1d89e1df0e3efacd"),
                ),
            ],
            convert::blogcatalog,
            &[
                to(
                    "graph-labelled/blogcatalog.edges.tsv.gz",
                    Gunzipped("728b630215973b055f0c8994509a46c67fb265a7f9f42e41f16e9180305f5131"),
                ),
                to(
                    "graph-labelled/blogcatalog.communities.tsv",
                    File("00d0ed5e64542b151b555bf82abb19b9c4232dae2aa110793872445a3af6739e"),
                ),
            ],
        ),
    ),
    origin(
        "graph/sfld",
        "enzyme similarities (unweighted), the 2 families of the paper",
        "232 nodes, 15,570 edges",
        CLUSTERING,
        &["graph/sfld.edges", "graph/sfld.communities.json"],
        recipe(
            &[
                from(
                    clustering!("sfld_brown_et_al_amidohydrolases_protein_similarities_for_beh.graphml"),
                    File("773a8cf9dcc4fffcc7cba2c56a25a300e107f4dce65d17c6bcd5f2538caf8eab"),
                ),
                from(
                    clustering!(
                        "sfld_brown_et_al_amidohydrolases_protein_similarities_for_beh_ground_truth.csv"
                    ),
                    File("0d1b35011c38a01f54c7db77a90a20b06d96aeee450d0707c51f8ea8d3d86a88"),
                ),
            ],
            convert::sfld,
            &[
                to(
                    "graph/sfld.edges",
                    File("678b80157b5da96a52dd03e0edf36b81d2e6118cc46cc4591c4536fca45ce23f"),
                ),
                to(
                    "graph/sfld.communities.json",
                    File("409fe32c8c03501903ea6254ba85bab54a1100b4d3447950c5a76ac5b0d1c8c2"),
                ),
            ],
        ),
    ),
    origin(
        "graph/ppi_mips",
        "yeast proteins (weighted), the 19 complexes of the papers",
        "1,096 nodes, 13,221 edges",
        CLUSTERING,
        &["graph/ppi_mips.edges", "graph/ppi_mips.communities.json"],
        recipe(
            &[
                from(
                    clustering!("ppi_mips.graphml"),
                    File("1b7fa5190df6d63d946a12bcfcc9b5da9bc68fc36b0d88422bc41963cf08d39b"),
                ),
                from(
                    clustering!("ppi_mips_ground_truth.csv"),
                    File("0010df354a0419eccd467d130ae5f9eed3c811938451373c9893349438f12c85"),
                ),
            ],
            convert::ppi_mips,
            &[
                to(
                    "graph/ppi_mips.edges",
                    File("67ae17b65872750b669183f2eaeb71d46fbfa9f9907db045159791930f5a2d92"),
                ),
                to(
                    "graph/ppi_mips.communities.json",
                    File("6a3587f1b56c10439c347d507fe6b381675f5d54e2432c1afbb03492595768f7"),
                ),
            ],
        ),
    ),
    origin(
        "graph/johns_hopkins55",
        "Facebook friends at Johns Hopkins, 4 years and 1 major",
        "5,180 nodes, 186,572 edges",
        FACEBOOK,
        &["graph/johns_hopkins55.edges", "graph/johns_hopkins55.communities.json"],
        recipe(
            &[
                from(
                    clustering!("JohnsHopkins.edgelist"),
                    File("9ea454aa58630594976f9c88d8dd8d0716b26188a8ac2def11832270ebe6e038"),
                ),
                from(
                    diffusion!("Johnshopkins55_community.txt"),
                    File("ca2ca3e5792e813a7547ad261c0ca86c5ed2dd33289e259c399c6556ec1cfa2f"),
                ),
            ],
            convert::johns_hopkins55,
            &[
                to(
                    "graph/johns_hopkins55.edges",
                    File("18a95182d9b62a2aaa584ef5e3947331d96c62a415f1482e3d3bc033527f9ca9"),
                ),
                to(
                    "graph/johns_hopkins55.communities.json",
                    File("9f10273f32ff3c70a24a8448b8f697c5a05eb4306963b91ec955ad618d4b602e"),
                ),
            ],
        ),
    ),
    origin(
        "graph/colgate88",
        "Facebook friends at Colgate, 6 years",
        "3,482 nodes, 155,043 edges",
        FACEBOOK,
        &["graph/colgate88.edges", "graph/colgate88.communities.json"],
        recipe(
            &[
                from(
                    diffusion!("Colgate88_edgelist.txt"),
                    File("c69adde16f50f353f2732d2cc69fa6c174342d1d6ccbc91ed718b41822636bdb"),
                ),
                from(
                    diffusion!("Colgate88_community.txt"),
                    File("d125687260422019925824cc64170eade1d7177f28bceb8ad03cb97d7750a874"),
                ),
            ],
            convert::colgate88,
            &[
                to(
                    "graph/colgate88.edges",
                    File("eb02adbf004ebf71973f7b5c083b758c1b94921909958eae0108d5b7d76f0ea1"),
                ),
                to(
                    "graph/colgate88.communities.json",
                    File("66be351afdd773791f6bcfa49cf00542fa799d540236a3256f4e18711d0cc72b"),
                ),
            ],
        ),
    ),
];
