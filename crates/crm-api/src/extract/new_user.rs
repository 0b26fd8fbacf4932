//! A user to be: the fields of a user, and a password, which no user carries.

use crm_domain::{Invalid, UserPatch, Violation};
use serde_json::Value;

use super::{FromJson, Secret};

/// Body of a new user.
#[derive(Debug)]
pub(crate) struct NewUserBody {
    /// The fields.
    pub(crate) patch: UserPatch,
    /// The first password, if the body names one.
    pub(crate) password: Option<Secret>,
}

impl FromJson for NewUserBody {
    fn from_json(mut value: Value) -> Result<Self, Invalid> {
        let mut invalid = Invalid::default();
        let password = match value.as_object_mut().and_then(|object| object.remove("password")) {
            None | Some(Value::Null) => None,
            Some(Value::String(password)) => Some(Secret(password.into())),
            Some(_) => {
                invalid.errors.push(Violation::new("type", "must be a string").at("/password"));
                None
            }
        };
        match UserPatch::read_new(value) {
            Ok(patch) => invalid.finish(Self { patch, password }),
            Err(more) => {
                invalid.errors.extend(more.errors);
                Err(invalid)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_password_is_read_beside_the_fields_and_everything_wrong_is_told_at_once() {
        let body = json!({"email": "ann@example.com", "name": "Ann", "role_id": crm_domain::access::BuiltInRole::User.id(), "password": "x"});
        assert!(NewUserBody::from_json(body).unwrap().password.is_some());
        let told = NewUserBody::from_json(json!({"password": 1, "colour": 2})).unwrap_err().errors;
        let told: Vec<_> = told.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
        let missing = [("/email", "required"), ("/name", "required"), ("/role_id", "required")];
        assert_eq!(told, [&[("/password", "type")][..], &missing, &[("/colour", "unknown_field")]].concat());
    }
}
