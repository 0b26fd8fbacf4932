//! Codes of a few letters out of closed lists that standards keep.

/// Gives a newtype over `[u8; N]` everything that codes have in common. `$case` is the case of the letters in the table.
macro_rules! code_value {
    ($type:ident, $case:ident, $table:ident, $rule:literal, $noun:literal) => {
        impl $type {
            /// All codes of today's list, sorted.
            pub fn all() -> Vec<&'static str> {
                $table.to_vec()
            }

            /// Reads a code in either case.
            pub fn parse(text: &str) -> Result<Self, $crate::Violation> {
                let code = text.trim().$case();
                match $table.binary_search(&code.as_str()) {
                    Ok(_) => Ok(Self::from_stored(code)),
                    Err(_) => Err($crate::Violation::new($rule, concat!("must be ", $noun))),
                }
            }

            /// Takes a code from the database. Trusted: it was parsed before it was stored. Lists change, so it need not
            /// be in today's table.
            pub fn from_stored(code: String) -> Self {
                assert!(code.is_ascii(), "a stored code is ASCII");
                Self(code.into_bytes().try_into().expect("a stored code has the length of its type"))
            }

            /// The code.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.0).expect("a code is ASCII")
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "{}({})", stringify!($type), self.as_str())
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl From<$type> for String {
            fn from(code: $type) -> Self {
                code.as_str().to_owned()
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        $crate::values::text_value::text_input!(
            $type,
            Self::parse,
            $crate::values::code::CodeSchema { description: concat!("One of the list: ", $noun, "."), table: &$table }
        );
    };
}

pub(super) use code_value;

/// The schema of a closed list of codes.
#[cfg(feature = "openapi")]
pub(super) struct CodeSchema {
    pub(super) description: &'static str,
    pub(super) table: &'static [&'static str],
}

#[cfg(feature = "openapi")]
impl CodeSchema {
    pub(super) fn build(self) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        super::schema::codes(self.description, self.table)
    }
}

/// Proves what a table has to be for `parse` to find everything in it.
#[cfg(test)]
#[track_caller]
pub(super) fn check_table<T: std::fmt::Display>(table: &[&str], parse: impl Fn(&str) -> Result<T, crate::Violation>) {
    assert!(table.is_sorted_by(|before, after| before < after));
    for code in table {
        crate::values::testing::check(parse(code), Ok(code));
        crate::values::testing::check(parse(&format!(" {} ", code.to_lowercase())), Ok(code));
        crate::values::testing::check(parse(&code.to_uppercase()), Ok(code));
    }
}
