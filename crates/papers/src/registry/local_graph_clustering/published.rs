//! Numbers to compare with: precision, recall, F1 and conductance, means over all seeds of a target set.

#![expect(clippy::unreadable_literal, reason = "copied as printed")]

/// Who printed a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The authors' notebooks (kfoynt/LocalGraphClustering, notebooks of the paper and their history).
    Authors,
    /// An independent implementation of Kiln's specification, where no print is at hand.
    Specification,
}

/// One target set with the numbers of both methods.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) target: &'static str,
    pub(super) l1: [f64; 4],
    pub(super) appr: [f64; 4],
    pub(super) source: Source,
}

const fn printed(target: &'static str, l1: [f64; 4], appr: [f64; 4]) -> Row {
    Row { target, l1, appr, source: Source::Authors }
}

const fn specified(target: &'static str, l1: [f64; 4], appr: [f64; 4]) -> Row {
    Row { target, l1, appr, source: Source::Specification }
}

/// Found exactly by both methods.
const fn found(target: &'static str) -> Row {
    specified(target, [1.0, 1.0, 1.0, 0.333333], [1.0, 1.0, 1.0, 0.333333])
}

/// Protein similarities of an enzyme superfamily.
pub(super) const SFLD: &[Row] = &[
    printed(
        "AMP",
        [0.7616010784971015, 1.0, 0.8639590510056822, 0.4298763868141641],
        [0.7616010784971015, 1.0, 0.8639590510056822, 0.4298763868141641],
    ),
    printed(
        "urease.0",
        [0.6756571753039263, 0.9029434264914553, 0.7552208139349571, 0.43918351578430237],
        [0.6213475956513441, 0.869310876673453, 0.7087703363309276, 0.4418880201742084],
    ),
];

/// Protein interactions in yeast, MIPS complexes.
pub(super) const PPI: &[Row] = &[
    printed(
        "Actin-associated-proteins",
        [0.9613259668508287, 1.0, 0.9802816901408451, 0.3370165745856354],
        [0.9206349206349206, 1.0, 0.9586776859504132, 0.3333333333333333],
    ),
    found("Anaphase-promoting-complex"),
    found("Cdc28p-complexes"),
    printed(
        "Coat-complexes",
        [0.7483922812279147, 1.0, 0.8557617594794483, 0.3591654140463284],
        [0.7229946524064171, 1.0, 0.8392302917442582, 0.3582887700534759],
    ),
    found("cytoplasmic-ribosomal-large-subunit"),
    found("cytoplasmic-ribosomal-small-subunit"),
    found("F0-F1-ATP-synthase"),
    found("H+-transporting-ATPase-vacuolar"),
    found("mitochondrial-ribosomal-large-subunit"),
    found("mitochondrial-ribosomal-small-subunit"),
    printed(
        "Mitochondrial-translation-complexes",
        [0.7123989836078486, 0.8938315539739027, 0.7854550692274475, 0.46902709534149334],
        [0.6862979215865966, 1.0, 0.809935653577124, 0.4173334273260254],
    ),
    printed(
        "mRNA-splicing",
        [0.8824087245139877, 1.0, 0.9375314861460956, 0.3333333333333333],
        [0.8824087245139877, 1.0, 0.9375314861460956, 0.3333333333333333],
    ),
    printed(
        "Nuclear-pore-complex",
        [0.7420507475089111, 1.0, 0.851534849657825, 0.36188324136774813],
        [0.7098265895953757, 1.0, 0.8302907369844489, 0.36184971098265895],
    ),
    printed(
        "RNA-polymerase-II-holoenzyme",
        [0.7788723084580356, 1.0, 0.8755991094547813, 0.38189160579090725],
        [0.6689158794421952, 1.0, 0.8016172506738545, 0.34053081421502474],
    ),
    printed(
        "Spindle-pole-body",
        [0.8009985462512023, 0.9470391993327774, 0.8514138861043643, 0.5054033847775399],
        [0.5357728017476788, 1.0, 0.697724039829303, 0.4582195521572911],
    ),
    found("TRAPP-complex"),
    found("tRNA-splicing"),
    found("19-22S-regulator"),
    found("20S-proteasome"),
];

/// Johns Hopkins, Facebook100.
pub(super) const JOHNS_HOPKINS: &[Row] = &[
    specified("year2006", [0.377116, 0.303582, 0.329737, 0.540987], [0.370517, 0.335816, 0.344567, 0.51479]),
    specified("year2007", [0.4136, 0.467999, 0.433081, 0.464501], [0.397046, 0.521446, 0.443666, 0.424911]),
    specified("year2008", [0.380969, 0.800208, 0.50773, 0.322263], [0.376482, 0.814708, 0.506917, 0.304209]),
    specified("year2009", [0.823749, 0.87379, 0.840579, 0.243737], [0.83779, 0.888299, 0.856116, 0.232392]),
    specified("major217", [0.832808, 0.892287, 0.857536, 0.250868], [0.841788, 0.896755, 0.86397, 0.240779]),
];

/// Colgate, Facebook100.
pub(super) const COLGATE: &[Row] = &[
    specified("year2004", [0.486994, 0.393057, 0.429431, 0.705593], [0.492456, 0.422342, 0.449405, 0.691862]),
    specified("year2005", [0.446513, 0.4436, 0.443685, 0.53231], [0.434879, 0.491157, 0.459919, 0.499368]),
    specified("year2006", [0.448531, 0.477775, 0.461463, 0.502282], [0.431009, 0.530957, 0.474422, 0.463381]),
    specified("year2007", [0.475892, 0.644685, 0.546807, 0.426302], [0.442304, 0.70444, 0.542492, 0.383979]),
    specified("year2008", [0.650668, 0.921162, 0.751189, 0.32936], [0.604676, 0.954064, 0.721936, 0.306153]),
    specified("year2009", [0.946153, 0.980737, 0.961659, 0.130445], [0.948725, 0.98121, 0.963324, 0.128655]),
];

/// Flow columns on the enzyme graph, printed by the authors: target, `BFS+SL`, `l1+SL`.
pub(super) const SFLD_FLOW: &[(&str, [f64; 4], [f64; 4])] = &[
    (
        "AMP",
        [0.983088390480847, 0.7768739105171412, 0.8671746612477108, 0.6527827968252733],
        [0.7683214659749378, 1.0, 0.8685372472776756, 0.427663502821075],
    ),
    (
        "urease.0",
        [0.6497698357105165, 0.318420630513912, 0.4273749111275312, 0.7208422960860279],
        [0.9205054772869868, 0.3664982417175643, 0.381185986391101, 0.4354129237780968],
    ),
];
