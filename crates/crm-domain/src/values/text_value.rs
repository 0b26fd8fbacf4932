//! What every value type over a `String` has in common, written once.

/// Gives a newtype over `String` its ways in (through `parse`, if no other function is named) and out, and its schema.
///
/// The schema is an expression of type `TextSchema` and is only compiled with the feature `openapi`.
macro_rules! text_value {
    ($type:ident, $schema:expr) => {
        $crate::values::text_value::text_value!($type, Self::parse, $schema);
    };
    ($type:ident, $parse:expr, $schema:expr) => {
        impl $type {
            /// The canonical text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes a text from the database. Trusted: it was parsed before it was stored.
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        $crate::values::text_value::text_input!($type, $parse, $schema);
    };
}

/// Reading from text through the named function, and the schema: also for types that hold no `String`.
macro_rules! text_input {
    ($type:ident, $parse:expr, $schema:expr) => {
        impl std::str::FromStr for $type {
            type Err = $crate::Violation;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::Violation;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::__dev::ComposeSchema for $type {
            fn compose(
                _: Vec<utoipa::openapi::RefOr<utoipa::openapi::Schema>>,
            ) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                #[allow(unused_imports)]
                use $crate::values::schema::TextSchema;
                $schema.build()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $type {}
    };
}

pub(crate) use {text_input, text_value};
