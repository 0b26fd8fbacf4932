//! Three states of a field in a patch: absent, `null`, a value (RFC 7396).

/// What a patch says about one field.
///
/// ```
/// use crm_domain::Field;
/// assert_eq!(Field::Set(3).as_set(), Some(&3));
/// assert!(Field::<u8>::default().is_keep());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Field<T> {
    /// The field is not mentioned: it stays as it is.
    #[default]
    Keep,
    /// The field is `null`: its value is taken away.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Field<T> {
    /// The new value, when there is one.
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Whether the patch leaves the field alone.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// `Set` for a value, `Clear` for none.
    pub fn replace(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }
}

#[cfg(feature = "openapi")]
mod openapi {
    use utoipa::{
        __dev::ComposeSchema,
        openapi::{
            OneOfBuilder, RefOr, Schema,
            schema::{ObjectBuilder, Type},
        },
    };

    impl<T: ComposeSchema> ComposeSchema for super::Field<T> {
        fn compose(schemas: Vec<RefOr<Schema>>) -> RefOr<Schema> {
            let value = schemas.into_iter().next().unwrap_or_else(|| T::compose(Vec::new()));
            OneOfBuilder::new().item(value).item(ObjectBuilder::new().schema_type(Type::Null)).into()
        }
    }

    impl<T: utoipa::ToSchema + ComposeSchema> utoipa::ToSchema for super::Field<T> {
        fn name() -> std::borrow::Cow<'static, str> {
            format!("Field_{}", T::name()).into()
        }

        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            T::schemas(schemas);
        }
    }
}
