//! What a list request means: typed filters, sort keys, a cursor and a page size, read from query parameters.
//!
//! ```
//! use crm_domain::{OrganisationField, query::ListQuery};
//! let pairs = [("country_code", "FR"), ("aum.gte", "1000000"), ("sort", "-aum,name"), ("limit", "20")];
//! let query = ListQuery::<OrganisationField>::parse(pairs)?;
//! assert_eq!((query.filters.len(), query.sort.len(), query.limit), (2, 2, 20));
//! # Ok::<(), crm_domain::Invalid>(())
//! ```

mod cursor;
mod field;
mod filter;
mod list;
mod sort;

pub use cursor::Cursor;
pub use field::{CallerWord, FieldSet, Kind, Operator};
pub use filter::{Filter, Test, Value};
pub use list::{ListQuery, Page, Total};
pub use sort::{Direction, Sort};
