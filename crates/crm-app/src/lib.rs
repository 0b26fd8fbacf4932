//! crm-app
