//! The words that made-up names are put together from. Places exist; companies and people of these names do not.

use crm_domain::{OrganisationCategory as Category, OrganisationType as Kind, PipelineStage as Stage};

/// A country with what belongs to it.
pub struct Place {
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// How many of a hundred or so organisations sit there.
    pub weight: u64,
    /// ISO 639-1.
    pub language: &'static str,
    /// ISO 4217.
    pub currency: &'static str,
    /// Cities, each with a postal code.
    pub cities: &'static [(&'static str, &'static str)],
    /// What an address looks like; `{}` stands for the number.
    pub streets: &'static [&'static str],
    /// Fixed lines that the regulator keeps for fiction, E.164 with `#` for a digit; empty where there are none.
    pub phones: &'static [&'static str],
    /// The same for mobiles.
    pub mobiles: &'static [&'static str],
}

/// Where organisations sit.
pub const PLACES: [Place; 9] = [
    Place {
        country: "FR",
        weight: 38,
        language: "fr",
        currency: "EUR",
        cities: &[
            ("Paris", "75008"),
            ("Paris", "75002"),
            ("Lyon", "69002"),
            ("Marseille", "13008"),
            ("Bordeaux", "33000"),
            ("Lille", "59800"),
            ("Nantes", "44000"),
            ("Strasbourg", "67000"),
            ("Toulouse", "31000"),
            ("Nice", "06000"),
            ("Rennes", "35000"),
            ("Montpellier", "34000"),
            ("Grenoble", "38000"),
            ("Annecy", "74000"),
            ("Dijon", "21000"),
        ],
        streets: &[
            "{} rue des Tilleuls",
            "{} avenue de la Gare",
            "{} rue du Moulin",
            "{} boulevard des Arts",
            "{} place du Marché",
            "{} quai des Bateliers",
            "{} allée des Érables",
            "{} rue de l'Étang",
        ],
        // Arcep, numbering plan: blocks for audiovisual works.
        phones: &["+3319900####", "+3326191####", "+3335301####", "+3346571####", "+3353649####"],
        // Theirs (06 39 98) is not in the numbering plan that numbers are checked by.
        mobiles: &[],
    },
    Place {
        country: "GB",
        weight: 14,
        language: "en",
        currency: "GBP",
        cities: &[
            ("London", "EC2V 7HH"),
            ("London", "W1J 8AJ"),
            ("Edinburgh", "EH2 4AD"),
            ("Manchester", "M2 5BQ"),
            ("Leeds", "LS1 4DY"),
            ("Bristol", "BS1 4QA"),
            ("Glasgow", "G2 5RJ"),
        ],
        streets: &["{} Millbrook Street", "{} Orchard Lane", "{} Harbour Row", "{} Copper Yard", "{} St Elmo Square"],
        // Ofcom, telephone numbers for drama use.
        phones: &["+442079460###", "+441314960###", "+441614960###", "+441134960###", "+441174960###", "+441414960###"],
        mobiles: &[],
    },
    Place {
        country: "DE",
        weight: 12,
        language: "de",
        currency: "EUR",
        cities: &[
            ("Frankfurt am Main", "60313"),
            ("München", "80331"),
            ("Hamburg", "20095"),
            ("Berlin", "10117"),
            ("Köln", "50667"),
            ("Stuttgart", "70173"),
            ("Düsseldorf", "40213"),
        ],
        streets: &["Lindenstraße {}", "Am Mühlbach {}", "Gartenweg {}", "Rosenallee {}", "Hafengasse {}"],
        // Bundesnetzagentur, numbers for film and television.
        phones: &["+493023125###", "+496990009###", "+494066969###", "+498999998###"],
        mobiles: &["+4917139200##", "+49176040690##"],
    },
    Place {
        country: "LU",
        weight: 10,
        language: "fr",
        currency: "EUR",
        cities: &[
            ("Luxembourg", "L-1115"),
            ("Luxembourg", "L-2449"),
            ("Esch-sur-Alzette", "L-4010"),
            ("Munsbach", "L-5365"),
        ],
        streets: &["{} rue des Peupliers", "{} avenue du Parc", "{} rue de la Source"],
        phones: &[],
        mobiles: &[],
    },
    Place {
        country: "CH",
        weight: 9,
        language: "de",
        currency: "CHF",
        cities: &[("Zürich", "8001"), ("Genève", "1204"), ("Lugano", "6900"), ("Basel", "4051"), ("Lausanne", "1003")],
        streets: &["Seeweg {}", "Birkenstrasse {}", "Quellengasse {}"],
        phones: &[],
        mobiles: &[],
    },
    Place {
        country: "BE",
        weight: 6,
        language: "fr",
        currency: "EUR",
        cities: &[("Bruxelles", "1000"), ("Antwerpen", "2000"), ("Gent", "9000"), ("Liège", "4000")],
        streets: &["{} rue du Verger", "{} avenue des Hêtres", "{} chaussée du Pont"],
        phones: &[],
        mobiles: &[],
    },
    Place {
        country: "IT",
        weight: 6,
        language: "it",
        currency: "EUR",
        cities: &[("Milano", "20121"), ("Roma", "00187"), ("Torino", "10121"), ("Bologna", "40121")],
        streets: &["Via dei Tigli {}", "Viale della Fonte {}", "Piazza del Mulino {}"],
        phones: &[],
        mobiles: &[],
    },
    Place {
        country: "ES",
        weight: 5,
        language: "es",
        currency: "EUR",
        cities: &[("Madrid", "28001"), ("Barcelona", "08007"), ("Bilbao", "48009"), ("Valencia", "46002")],
        streets: &["Calle de los Olmos {}", "Avenida del Molino {}", "Plaza de la Fuente {}"],
        phones: &[],
        mobiles: &[],
    },
    Place {
        country: "SE",
        weight: 3,
        language: "sv",
        currency: "SEK",
        cities: &[("Stockholm", "111 20"), ("Göteborg", "411 05"), ("Malmö", "211 20")],
        streets: &["Björkgatan {}", "Kvarnvägen {}", "Sjöstigen {}"],
        // Post- och telestyrelsen, numbers for books and films.
        phones: &["+468465004##"],
        mobiles: &["+4670174061#", "+4670174063#", "+4670174065#", "+4670174067#"],
    },
];

/// First, second and last parts of the invented word in an organisation's name.
pub const STEMS: [&[&str]; 3] = [
    &[
        "Alv", "Brax", "Corv", "Drel", "Elth", "Fenq", "Glim", "Hald", "Ilv", "Jorv", "Kelm", "Lorb", "Mirv", "Norq",
        "Olv", "Plev", "Quor", "Rusk", "Selv", "Tarq", "Ulm", "Vask", "Wold", "Xant", "Yorv", "Zelth", "Ombr", "Strav",
        "Crest", "Thul", "Vyth", "Skarn", "Prax", "Lumb", "Dorn", "Gryv",
    ],
    &[
        "a", "e", "i", "o", "u", "ae", "ia", "eo", "ora", "ani", "ilo", "umo", "eri", "aba", "ine", "ova", "usi",
        "ede", "ogo", "ami", "ela", "iru", "ona", "yth", "avo", "esi", "ulo", "imo", "era", "oda",
    ],
    &[
        "ris", "van", "dor", "lis", "mont", "quist", "ra", "th", "via", "xa", "nor", "sel", "mar", "tis", "gard",
        "lune", "bren", "cor", "das", "fell", "gis", "hart", "kan", "lor", "nis", "pex", "rune", "stel", "tron", "vex",
    ],
];

/// What follows the invented word, by category.
pub const ENDINGS: [(Category, &[&str]); 7] = [
    (Category::AssetManager, &["Asset Management", "Gestion", "Capital", "Investissements", "Fund Partners", "AM"]),
    (Category::IndependentAdviser, &["Patrimoine", "Conseil", "Family Office", "Wealth Advisers", "Private Advice"]),
    (Category::Institution, &["Prévoyance", "Mutuelle", "Pension Fund", "Assurances", "Versicherung", "Fondation"]),
    (Category::Wholesale, &["Private Banking", "Selection", "Multigestion", "Platform", "Distribution"]),
    (Category::Startup, &["Labs", "Tech", "Digital", "Data"]),
    (Category::Corporation, &["Industries", "Group", "Holding", "Werke", "Logistics"]),
    (Category::Other, &["Services", "Associates", "Studio", "Association"]),
];

/// What funds invest in, as it stands in their names.
pub const FUNDS: [&str; 18] = [
    "Actions Europe",
    "Actions Monde",
    "Bonds Euro",
    "Climate Transition",
    "Convertibles",
    "Court Terme",
    "Crédit",
    "Diversifié",
    "Emerging Markets",
    "Global Equity",
    "High Yield",
    "Immobilier",
    "Infrastructure",
    "Monétaire",
    "Obligations Monde",
    "Patrimoine",
    "Small Caps",
    "Water & Energy",
];

/// Share classes.
pub const SHARES: [&str; 8] = ["A", "C", "D", "I EUR", "I USD H", "P", "R", "Z"];

/// How often each category is met.
pub const CATEGORIES: [(Category, u64); 7] = [
    (Category::AssetManager, 26),
    (Category::IndependentAdviser, 28),
    (Category::Institution, 16),
    (Category::Wholesale, 12),
    (Category::Corporation, 9),
    (Category::Startup, 5),
    (Category::Other, 4),
];

/// How often each type is met.
pub const KINDS: [(Kind, u64); 6] = [
    (Kind::Client, 30),
    (Kind::Investor, 24),
    (Kind::Distributor, 22),
    (Kind::Supplier, 10),
    (Kind::Issuer, 9),
    (Kind::Other, 5),
];

/// How often each stage is met, and how likely a signature is there, in percent.
pub const STAGES: [((Stage, i64), u64); 9] = [
    ((Stage::Lead, 5), 26),
    ((Stage::Qualified, 15), 14),
    ((Stage::Prospect, 20), 15),
    ((Stage::Qualification, 35), 9),
    ((Stage::Proposal, 50), 8),
    ((Stage::Negotiation, 75), 6),
    ((Stage::Signed, 100), 12),
    ((Stage::Lost, 0), 6),
    ((Stage::Inactive, 0), 4),
];

/// Investment strategies.
pub const STRATEGIES: [&str; 14] = [
    "equity europe",
    "equity global",
    "small caps",
    "emerging markets",
    "government bonds",
    "high yield",
    "convertible bonds",
    "multi asset",
    "money market",
    "private equity",
    "infrastructure",
    "real estate",
    "esg",
    "impact",
];

/// Labels of organisations.
pub const TAGS: [&str; 12] = [
    "vip",
    "newsletter",
    "partner",
    "event 2025",
    "event 2026",
    "due diligence",
    "referral",
    "cold",
    "key account",
    "family office",
    "reporting",
    "roadshow",
];

/// Given names, as people of these countries have them.
pub const GIVEN_NAMES: [&str; 64] = [
    "Adèle",
    "Agnès",
    "Alba",
    "Alice",
    "Anna",
    "Astrid",
    "Béatrice",
    "Camille",
    "Carla",
    "Chloé",
    "Clara",
    "Élise",
    "Emma",
    "Eva",
    "Fanny",
    "Flora",
    "Greta",
    "Hélène",
    "Ida",
    "Inès",
    "Irene",
    "Jeanne",
    "Julia",
    "Karin",
    "Léa",
    "Lena",
    "Louise",
    "Lucia",
    "Maja",
    "Manon",
    "Marta",
    "Nina",
    "Adam",
    "Alex",
    "André",
    "Anton",
    "Axel",
    "Bastien",
    "Bruno",
    "Carlo",
    "César",
    "Daniel",
    "David",
    "Émile",
    "Erik",
    "Félix",
    "Georg",
    "Hugo",
    "Ivan",
    "Jan",
    "Jonas",
    "Jules",
    "Karl",
    "Léo",
    "Lucas",
    "Marc",
    "Mateo",
    "Nils",
    "Noé",
    "Oscar",
    "Paul",
    "Rémi",
    "Simon",
    "Théo",
];

/// Parts of family names.
pub const FAMILY_NAMES: [&[&str]; 3] = [
    &[
        "Am", "Bel", "Cor", "Dav", "Es", "Fal", "Gar", "Hol", "Ist", "Jun", "Kar", "Lam", "Mor", "Nev", "Or", "Pel",
        "Quer", "Ros", "Sav", "Tor", "Ur", "Val", "Wes", "Yv", "Zan",
    ],
    &["a", "e", "i", "o", "ou", "an", "en", "el", "or", "ar", "is", "ul", "ai", "eu", "on", "il"],
    &[
        "bier", "court", "dane", "elle", "feld", "gnac", "hagen", "lotte", "mark", "neau", "quet", "rand", "sson",
        "tini", "vane", "witz", "zac", "berg", "din", "garde", "lande", "mier", "pont", "rier", "veau",
    ],
];

/// What people do.
pub const JOB_TITLES: [&str; 20] = [
    "Fund selector",
    "Head of fund selection",
    "Portfolio manager",
    "Chief investment officer",
    "Managing director",
    "Chief executive officer",
    "Chief financial officer",
    "Compliance officer",
    "Risk manager",
    "Operations manager",
    "Business development manager",
    "Sales director",
    "Relationship manager",
    "Wealth adviser",
    "Private banker",
    "Middle office analyst",
    "Legal counsel",
    "Head of distribution",
    "Treasurer",
    "Assistant",
];

/// What is noted of organisations and people.
pub const NOTES: [&str; 8] = [
    "Met at the spring conference; wants the quarterly letter.",
    "Asked for the prospectus and the fee table.",
    "Prefers e-mail to the telephone.",
    "Investment committee meets every second Tuesday.",
    "Introduced by a common partner.",
    "Rappeler après la clôture annuelle.",
    "Souhaite une présentation en français.",
    "No gifts, by their own policy.",
];
