//! The organisation that a row of another resource names: by id, identifier, licence number or name.

use std::collections::HashMap;

use crm_domain::{
    Organisation, OrganisationId,
    access::{ActionType, Grant},
    values::{Lei, fold},
};
use crm_persistence::{
    WriteTx,
    organisations::{self, MatchKeys},
};

use super::row::Problem;
use crate::Error;

/// The organisation of a row, as its cells name it, and as it was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Employer {
    id: Option<String>,
    lei: Option<String>,
    licence_number: Option<String>,
    name: Option<String>,
    /// The one that it names.
    pub found: Option<OrganisationId>,
}

impl Employer {
    /// What the cells of a row name.
    pub(super) fn of<'c>(cell: &dyn Fn(&str) -> Option<&'c str>) -> Self {
        let text = |column: &str| cell(column).map(str::to_owned);
        Self {
            id: text("organisation_id"),
            lei: text("organisation_lei"),
            licence_number: text("organisation_licence_number"),
            name: text("organisation"),
            found: None,
        }
    }

    /// What is told of a row whose organisation is not used.
    pub(super) fn problem(&self, code: &str, reason: String) -> Problem {
        let (field, value) = self.named_by().unwrap_or(("organisation", ""));
        Problem { field: Some(field.to_owned()), value: value.to_owned(), code: code.to_owned(), reason }
    }
    /// The column and the cell that name it best.
    pub(super) fn named_by(&self) -> Option<(&'static str, &str)> {
        let lei = self.lei.as_deref().map(|lei| ("organisation_lei", lei));
        let licence = self.licence_number.as_deref().map(|number| ("organisation_licence_number", number));
        let name = self.name.as_deref().map(|name| ("organisation", name));
        let id = self.id.as_deref().map(|id| ("organisation_id", id));
        id.or(lei).or(licence).or(name)
    }
}

/// The organisations that the rows of a chunk may mean.
pub(super) struct Employers {
    found: Vec<Organisation>,
    by_key: HashMap<String, Vec<usize>>,
}

impl Employers {
    /// Looks up what the rows name; what is not found is a problem of its row, given by its position.
    pub(super) fn resolve<A: ActionType>(
        tx: &mut WriteTx,
        grant: &Grant<A, Organisation>,
        asides: &mut [Employer],
    ) -> Result<Vec<(usize, Problem)>, Error> {
        let employers = Self::load(tx, grant, asides)?;
        let mut problems = Vec::new();
        for (at, aside) in asides.iter_mut().enumerate().filter(|(_, aside)| aside.named_by().is_some()) {
            aside.found = employers.find(aside);
            if aside.found.is_none() {
                let reason = "no organisation with this name or number, or more than one".to_owned();
                problems.push((at, aside.problem("not_found", reason)));
            }
        }
        Ok(problems)
    }

    fn load<A: ActionType>(
        tx: &mut WriteTx,
        grant: &Grant<A, Organisation>,
        asides: &[Employer],
    ) -> Result<Self, Error> {
        let all = |part: fn(&Employer) -> Option<String>| {
            let mut values: Vec<String> = asides.iter().filter_map(part).collect();
            values.sort_unstable();
            values.dedup();
            values
        };
        let keys = MatchKeys {
            licence_numbers: all(|employer| employer.licence_number.clone()),
            leis: all(|employer| canonical_lei(employer.lei.as_deref()?)),
            registration_numbers: Vec::new(),
            names: all(|employer| employer.name.as_deref().map(fold)),
        };
        let mut found = organisations::matching(tx, grant, &keys)?;
        let ids: Vec<OrganisationId> =
            asides.iter().filter_map(|one| OrganisationId::parse(one.id.as_deref()?).ok()).collect();
        found.extend(organisations::find_many(tx, grant, &ids)?);
        found.sort_by_key(|organisation| organisation.id);
        found.dedup_by_key(|organisation| organisation.id);
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, organisation) in found.iter().enumerate() {
            let lei = organisation.lei.as_ref().map(|lei| format!("lei:{lei}"));
            let licence = organisation.licence_number.as_ref().map(|number| format!("licence:{number}"));
            let name = format!("name:{}", fold(organisation.name.as_str()));
            let id = format!("id:{}", organisation.id);
            for key in lei.into_iter().chain(licence).chain([name, id]) {
                by_key.entry(key).or_default().push(at);
            }
        }
        Ok(Self { found, by_key })
    }

    /// The one that a row means: by id, else by identifier, else by licence number, else by a name that only one has.
    fn find(&self, employer: &Employer) -> Option<OrganisationId> {
        let lei = employer.lei.as_deref().and_then(canonical_lei).map(|lei| format!("lei:{lei}"));
        let licence = employer.licence_number.as_ref().map(|number| format!("licence:{number}"));
        let name = employer.name.as_deref().map(|name| format!("name:{}", fold(name)));
        let id = employer.id.as_ref().map(|id| format!("id:{}", id.to_lowercase()));
        let found = [id, lei, licence, name].into_iter().flatten().find_map(|key| self.by_key.get(&key))?;
        match found.as_slice() {
            [one] => Some(self.found[*one].id),
            _ => None,
        }
    }
}

fn canonical_lei(text: &str) -> Option<String> {
    Lei::parse(text).ok().map(|lei| lei.to_string())
}
