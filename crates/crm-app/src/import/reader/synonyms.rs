//! The names that columns have in real files, in English and French, for the fields of the domain.
//!
//! Case, accents, signs and spaces do not matter, so each name stands here once. The tables are kept from the formatter,
//! which would give every name a line. Some entries are no fields of the record itself but tell the caller where to look:
//! `siret` holds a registration number in its first nine digits, and `organisation…` names the organisation that a person
//! works with.

use super::headers::{Synonyms, fold};

/// The fields of an organisation.
#[rustfmt::skip]
pub const ORGANISATION: &Synonyms = &[
    ("name", &[
        "organisation", "organization", "organisation name", "organization name", "company", "company name",
        "account", "account name", "legal name", "entity", "entity name", "firm", "firm name", "client",
        "client name", "nom", "nom organisation", "nom de l'organisation", "raison sociale", "dénomination",
        "dénomination sociale", "société", "nom société", "nom de la société", "entreprise", "nom entreprise",
        "nom de l'entreprise", "nom du client", "entite_nom", "nom entité", "entité",
    ]),
    ("type", &[
        "organisation type", "organization type", "company type", "account type", "type d'organisation",
        "type organisation", "type de société", "type de client",
    ]),
    ("category", &["segment", "client category", "catégorie", "catégorie client", "catégorie de client"]),
    ("email", &[
        "mail", "email address", "mail address", "company email", "contact email", "courriel", "adresse email",
        "adresse mail", "adresse électronique", "adresse de courriel", "mél", "email société",
    ]),
    ("phone", &[
        "telephone", "phone number", "telephone number", "tel", "tel no", "main phone", "business phone",
        "office phone", "switchboard", "numéro de téléphone", "no de téléphone", "no téléphone", "téléphone fixe",
        "tél fixe", "standard",
    ]),
    ("website", &[
        "web", "web site", "url", "homepage", "home page", "web address", "internet", "site", "site web",
        "site internet", "adresse web", "page d'accueil",
    ]),
    ("address", &[
        "street", "street address", "postal address", "address line 1", "address 1", "business address",
        "registered office", "head office", "adresse", "adresse postale", "adresse 1", "rue", "voie", "siège",
        "siège social", "adresse du siège", "adresse du siège social",
    ]),
    ("city", &["town", "locality", "city name", "ville", "commune", "localité", "ville du siège"]),
    ("postal_code", &["postcode", "zip", "zip code", "code postal", "cp"]),
    ("country_code", &[
        "country", "country iso", "iso country", "head office country", "country of incorporation", "pays",
        "code pays", "pays du siège", "pays_siege", "pays siège social",
    ]),
    ("language", &["lang", "language code", "preferred language", "langue", "code langue", "langue de correspondance"]),
    ("domicile", &[
        "domiciliation", "tax domicile", "fund domicile", "country of domicile", "pays de domiciliation",
        "pays de domicile", "domicile fiscal",
    ]),
    ("aum", &[
        "assets under management", "aum eur", "total aum", "assets", "encours", "encours sous gestion",
        "encours gérés", "encours total", "actifs sous gestion", "actifs gérés", "aum en eur",
    ]),
    ("aum_date", &[
        "aum as of", "assets date", "date of aum", "assets under management date", "date encours", "date des encours",
        "date d'encours", "date de l'encours", "date aum", "date des actifs sous gestion",
    ]),
    ("strategies", &[
        "strategy", "investment strategy", "investment strategies", "stratégie", "stratégies",
        "stratégie d'investissement", "stratégies d'investissement",
    ]),
    ("tags", &["tag", "label", "labels", "keywords", "étiquette", "étiquettes", "mots clés", "libellés"]),
    ("lei", &["lei code", "legal entity identifier", "code lei", "numéro lei", "identifiant lei"]),
    ("registration_number", &[
        "company number", "company registration number", "registration no", "register number",
        "trade register number", "national registration number", "siren", "numéro siren", "no siren", "code siren",
        "rcs", "numéro rcs", "numéro d'immatriculation", "immatriculation", "numéro d'enregistrement",
        "no_registre_national", "numéro de registre national", "numéro registre national",
    ]),
    ("siret", &["siret number", "numéro siret", "no siret", "code siret"]),
    ("licence_number", &[
        "license number", "licence no", "license no", "licence", "license", "authorisation number",
        "authorization number", "regulator number", "no_amf", "numéro amf", "code amf", "amf", "agrément amf",
        "numéro d'agrément", "numéro agrément", "no d'agrément", "no agrément", "agrément", "numéro de licence",
    ]),
    ("pipeline_stage", &[
        "pipeline", "stage", "sales stage", "deal stage", "opportunity stage", "étape", "étape du pipeline",
        "étape pipeline", "étape commerciale", "phase", "phase commerciale", "stade", "avancement",
    ]),
    ("potential_amount", &[
        "potential", "potential value", "expected amount", "deal amount", "opportunity amount", "montant potentiel",
        "potentiel", "montant attendu", "montant estimé", "montant espéré",
    ]),
    ("currency", &["currency code", "ccy", "devise", "code devise", "monnaie"]),
    ("signature_probability", &[
        "probability", "win probability", "closing probability", "probability %", "probabilité",
        "probabilité de signature", "probabilité signature", "chance de signature",
    ]),
    ("signature_date", &[
        "signed on", "closing date", "close date", "expected signature date", "expected close date",
        "date de signature", "date signature", "date de signature prévue", "date de clôture",
    ]),
    ("is_active", IS_ACTIVE),
    ("description", &["about", "summary", "présentation", "résumé", "descriptif", "activité"]),
    ("notes", NOTES),
];

/// The fields of a person, and those that name the organisation.
#[rustfmt::skip]
pub const PERSON: &Synonyms = &[
    ("first_name", &["given name", "forename", "christian name", "prénom", "prénoms", "prénom du contact"]),
    ("last_name", &[
        "surname", "family name", "name", "contact last name", "nom", "nom de famille", "nom d'usage",
        "nom du contact", "patronyme",
    ]),
    ("email", &[
        "mail", "email address", "mail address", "work email", "business email", "professional email", "courriel",
        "adresse email", "adresse mail", "adresse électronique", "adresse de courriel", "mél", "email professionnel",
        "mail professionnel", "courriel professionnel", "email pro", "mail pro",
    ]),
    ("personal_email", &[
        "private email", "home email", "other email", "email personnel", "mail personnel", "courriel personnel",
        "email perso", "mail perso", "email privé", "adresse email personnelle",
    ]),
    ("phone", &[
        "telephone", "phone number", "telephone number", "tel", "work phone", "business phone", "office phone",
        "landline", "direct line", "numéro de téléphone", "no de téléphone", "no téléphone", "téléphone fixe",
        "tél fixe", "téléphone professionnel", "tél professionnel", "ligne directe", "fixe",
    ]),
    ("mobile", &[
        "mobile phone", "mobile number", "mobile phone number", "cell", "cell phone", "cellphone", "portable",
        "téléphone portable", "téléphone mobile", "tél portable", "tél mobile", "numéro de portable",
        "numéro de mobile", "gsm",
    ]),
    ("job_title", &[
        "title", "job", "position", "function", "role", "job function", "fonction", "poste", "intitulé du poste",
        "intitulé de poste", "titre", "profession", "métier",
    ]),
    ("country_code", &["country", "country iso", "iso country", "pays", "code pays", "pays de résidence"]),
    ("language", &["lang", "language code", "preferred language", "langue", "code langue", "langue de correspondance"]),
    ("linkedin_url", &["linkedin", "linkedin profile", "linkedin link", "profil linkedin", "lien linkedin"]),
    ("tags", &["tag", "label", "labels", "keywords", "étiquette", "étiquettes", "mots clés", "libellés"]),
    ("is_active", IS_ACTIVE),
    ("consent", &[
        "marketing consent", "gdpr consent", "opt in", "gdpr", "consentement", "consentement rgpd",
        "consentement marketing", "rgpd", "accord",
    ]),
    ("consent_date", &[
        "date of consent", "gdpr consent date", "opt in date", "consented on", "date de consentement",
        "date du consentement", "date consentement", "date consentement rgpd", "date de l'accord",
    ]),
    ("notes", NOTES),
    ("organisation", ORGANISATION_NAME),
    ("organisation_lei", ORGANISATION_LEI),
    ("organisation_licence_number", ORGANISATION_LICENCE),
];

/// The fields of a product.
#[rustfmt::skip]
pub const PRODUCT: &Synonyms = &[
    ("name", &[
        "product", "product name", "fund", "fund name", "share class", "instrument", "nom", "produit",
        "nom du produit", "fonds", "nom du fonds", "part", "libellé",
    ]),
    ("isin", &["isin code", "security identifier", "code isin", "numéro isin"]),
    ("type", &["product type", "fund type", "type de produit", "type de fonds", "forme juridique"]),
    ("status", &["product status", "state", "statut", "état"]),
    ("notes", NOTES),
];

/// The fields of a mandate, and those that name its organisation.
#[rustfmt::skip]
pub const MANDATE: &Synonyms = &[
    ("organisation_id", &["organization id", "company id", "id organisation", "identifiant organisation"]),
    ("organisation", ORGANISATION_NAME),
    ("organisation_lei", ORGANISATION_LEI),
    ("organisation_licence_number", ORGANISATION_LICENCE),
    ("number", &[
        "mandate", "mandate number", "mandate no", "contract", "contract number", "reference", "numéro", "mandat",
        "numéro de mandat", "no mandat", "contrat", "numéro de contrat", "référence",
    ]),
    ("status", &["mandate status", "state", "statut", "état"]),
    ("signed_on", &["signature date", "signed", "date signed", "date de signature", "signature", "signé le"]),
    ("starts_on", &[
        "start date", "start", "effective date", "begins on", "date de début", "début", "date d'effet",
        "prise d'effet",
    ]),
    ("ends_on", &[
        "end date", "end", "expiry date", "expires on", "date de fin", "fin", "échéance", "date d'échéance",
    ]),
    ("notes", NOTES),
];

/// The fields of an interaction, and those that name its organisation.
#[rustfmt::skip]
pub const INTERACTION: &Synonyms = &[
    ("organisation_id", &["organization id", "company id", "id organisation", "identifiant organisation"]),
    ("organisation", ORGANISATION_NAME),
    ("organisation_lei", ORGANISATION_LEI),
    ("organisation_licence_number", ORGANISATION_LICENCE),
    ("type", &["interaction type", "activity type", "activity", "channel", "type d'interaction", "type d'échange", "canal"]),
    ("occurred_at", &[
        "date", "date and time", "occurred on", "happened at", "activity date", "meeting date", "call date",
        "date et heure", "date de l'échange", "date du rendez-vous", "le",
    ]),
    ("duration_minutes", &["duration", "minutes", "duration in minutes", "durée", "durée en minutes"]),
    ("subject", &["title", "topic", "summary", "object", "sujet", "objet", "titre"]),
    ("body", &["description", "details", "minutes of the meeting", "content", "compte rendu", "contenu", "détails"]),
    ("outcome", &["result", "conclusion", "next steps", "résultat", "suite à donner"]),
];

/// The fields of a task, and those that name its organisation.
#[rustfmt::skip]
pub const TASK: &Synonyms = &[
    ("organisation_id", &["organization id", "company id", "id organisation", "identifiant organisation"]),
    ("organisation", ORGANISATION_NAME),
    ("organisation_lei", ORGANISATION_LEI),
    ("organisation_licence_number", ORGANISATION_LICENCE),
    ("title", &["task", "subject", "to do", "todo", "tâche", "titre", "sujet", "à faire"]),
    ("description", &["details", "notes", "comment", "détails", "commentaire", "remarques"]),
    ("due_at", &["due", "due date", "due on", "deadline", "échéance", "date d'échéance", "à faire pour le", "date limite"]),
    ("priority", &["importance", "urgency", "priorité", "urgence"]),
    ("status", &["task status", "state", "statut", "état", "avancement"]),
    ("recurrence", &["rrule", "repeat", "repeats", "récurrence", "répétition"]),
];

#[rustfmt::skip]
const ORGANISATION_NAME: &[&str] = &[
    "organization", "organisation name", "organization name", "company", "company name", "account",
    "account name", "employer", "firm", "firm name", "société", "nom société", "nom de la société", "entreprise",
    "nom entreprise", "nom de l'entreprise", "raison sociale", "dénomination sociale", "nom organisation",
    "nom de l'organisation", "employeur", "entité", "entite_nom",
];

#[rustfmt::skip]
const ORGANISATION_LEI: &[&str] = &[
    "organization lei", "company lei", "lei", "lei code", "legal entity identifier", "code lei", "lei société",
    "lei de la société", "lei entreprise",
];

#[rustfmt::skip]
const ORGANISATION_LICENCE: &[&str] = &[
    "organization license number", "organisation license number", "company licence number",
    "company license number", "licence number", "license number", "numéro d'agrément", "numéro agrément",
    "no d'agrément", "numéro amf", "no_amf", "code amf",
];

#[rustfmt::skip]
const IS_ACTIVE: &[&str] = &[
    "active", "status", "active flag", "enabled", "statut", "actif", "active oui non", "actif oui non", "est actif",
    "état",
];

#[rustfmt::skip]
const NOTES: &[&str] = &[
    "note", "comment", "comments", "remark", "remarks", "internal notes", "commentaire", "commentaires", "remarque",
    "remarques", "observations",
];

/// Reads a yes or no as people and registers write it, in English and French; `None` if it is neither.
pub fn truth(text: &str) -> Option<bool> {
    match fold(text).as_str() {
        "1" | "true" | "t" | "yes" | "y" | "x" | "active" | "enabled" | "on" | "alive" | "live" | "vrai" | "oui"
        | "o" | "actif" | "vivant" | "vivante" | "en activite" | "en vigueur" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "inactive" | "disabled" | "off" | "closed" | "dissolved" | "withdrawn"
        | "struck off" | "faux" | "non" | "inactif" | "radie" | "radiee" | "retire" | "retiree" | "ferme"
        | "fermee" | "cesse" | "cessee" | "dissous" | "dissoute" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::headers::recognise;
    use super::*;

    fn check(synonyms: &Synonyms, pairs: &[(&str, Option<&str>)]) {
        for (header, field) in pairs {
            assert_eq!(recognise(&[(*header).to_owned()], synonyms), [*field], "{header}");
        }
    }

    #[test]
    fn no_name_stands_for_two_fields() {
        for synonyms in [ORGANISATION, PERSON, PRODUCT, MANDATE] {
            let mut seen: BTreeMap<String, &str> = BTreeMap::new();
            for (field, names) in synonyms {
                for name in std::iter::once(field).chain(*names) {
                    let other = seen.insert(fold(name).replace(' ', ""), field);
                    assert!(other.is_none_or(|other| other == *field), "{name}: {other:?} and {field}");
                }
            }
        }
    }

    #[test]
    fn every_field_has_an_english_and_a_french_name() {
        for (field, names) in ORGANISATION.iter().chain(PERSON).chain(PRODUCT).chain(MANDATE) {
            assert!(names.len() >= 2, "{field}");
        }
    }

    #[test]
    fn the_columns_of_the_regulators_register_are_recognised() {
        check(
            ORGANISATION,
            &[
                ("no_amf", Some("licence_number")),
                ("entite_nom", Some("name")),
                ("forme_juridique", None),
                ("pays_siege", Some("country_code")),
                ("site_internet", Some("website")),
                ("telephone", Some("phone")),
                ("siret", Some("siret")),
                ("no_registre_national", Some("registration_number")),
                ("lei", Some("lei")),
                ("date_debut_autorisation", None),
                ("nature_autorisation", None),
                ("statut", Some("is_active")),
                ("libelle_type_activite", None),
                ("libelle_activite", None),
                ("libelle_sous_activite", None),
                ("date_de_publication", None),
            ],
        );
    }

    #[test]
    fn usual_columns_of_organisations_are_recognised() {
        check(
            ORGANISATION,
            &[
                ("Raison sociale", Some("name")),
                ("N° SIREN", Some("registration_number")),
                ("Postal Code", Some("postal_code")),
                ("postalCode", Some("postal_code")),
                ("E-mail", Some("email")),
                ("Tél.", Some("phone")),
                ("Encours sous gestion", Some("aum")),
                ("Probabilité (%)", Some("signature_probability")),
            ],
        );
    }

    #[test]
    fn usual_columns_of_people_are_recognised() {
        check(
            PERSON,
            &[
                ("Nom", Some("last_name")),
                ("Prénom", Some("first_name")),
                ("firstName", Some("first_name")),
                ("Courriel", Some("email")),
                ("E-Mail", Some("email")),
                ("Société", Some("organisation")),
                ("company", Some("organisation")),
                ("LEI", Some("organisation_lei")),
                ("no_amf", Some("organisation_licence_number")),
                ("Fonction", Some("job_title")),
                ("Tél. portable", Some("mobile")),
                ("Date de consentement", Some("consent_date")),
            ],
        );
    }

    #[test]
    fn yes_and_no_are_read_in_both_languages() {
        for yes in ["Vivant", "active", "oui", "YES", "true", "1", " Actif "] {
            assert_eq!(truth(yes), Some(true), "{yes}");
        }
        for no in ["Radié", "inactive", "non", "No", "false", "0", "radiée"] {
            assert_eq!(truth(no), Some(false), "{no}");
        }
        for neither in ["", "perhaps", "2", "ouinon"] {
            assert_eq!(truth(neither), None, "{neither}");
        }
    }
}
