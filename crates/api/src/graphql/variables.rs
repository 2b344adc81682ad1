//! Checks the variables of a request against the input types of the schema, before anything runs.
//!
//! The library checks them too, but without saying where, and only on its own road; here every request gets the same
//! answer, with a pointer. What our scalars hold is checked by the fields that take them.

use super::types;
use async_graphql::parser::types::OperationDefinition;
use async_graphql::registry::{MetaType, MetaTypeName, Registry};
use kith_kernel::{Result, Violations};
use serde_json::Value;
use std::sync::LazyLock;

/// The input types of the catalogue.
static TYPES: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::default();
    types::register(&mut registry, crate::catalogue());
    registry
});

/// Refuses variables that are missing or have another form than their operation declares.
pub fn check(operation: &OperationDefinition, variables: &Value) -> Result<()> {
    let mut violations = Violations::default();
    for definition in operation.variable_definitions.iter().map(|definition| &definition.node) {
        let pointer = format!("/variables/{}", definition.name.node);
        let declared = definition.var_type.node.to_string();
        match variables.get(definition.name.node.as_str()) {
            Some(value) => one(&mut violations, &pointer, MetaTypeName::create(&declared), value),
            None => {
                let given = definition.var_type.node.nullable || definition.default_value.is_some();
                violations.ensure(given, &pointer, "REQUIRED", "The variable is required.");
            }
        }
    }
    violations.into_result()
}

fn one(violations: &mut Violations, pointer: &str, declared: MetaTypeName<'_>, value: &Value) {
    match (declared, value) {
        (MetaTypeName::NonNull(_), Value::Null) => violations.add(pointer, "REQUIRED", "A value is required."),
        (_, Value::Null) => {}
        (MetaTypeName::NonNull(inner), value) => one(violations, pointer, MetaTypeName::create(inner), value),
        (MetaTypeName::List(inner), Value::Array(elements)) => {
            for (at, element) in elements.iter().enumerate() {
                one(violations, &format!("{pointer}/{at}"), MetaTypeName::create(inner), element);
            }
        }
        // One element stands for a list of one.
        (MetaTypeName::List(inner), value) => one(violations, pointer, MetaTypeName::create(inner), value),
        (MetaTypeName::Named(name), value) => named(violations, pointer, name, value),
    }
}

fn named(violations: &mut Violations, pointer: &str, name: &str, value: &Value) {
    let expected = match name {
        "String" => (!value.is_string()).then_some("a text"),
        "Boolean" => (!value.is_boolean()).then_some("true or false"),
        "Int" => value.as_i64().and_then(|int| i32::try_from(int).ok()).is_none().then_some("an integer of 32 bits"),
        "Float" => (!value.is_number()).then_some("a number"),
        _ => None,
    };
    if let Some(expected) = expected {
        return violations.add(pointer, "WRONG_TYPE", format!("Expected {expected}."));
    }
    match TYPES.types.get(name) {
        Some(MetaType::Enum { enum_values, .. })
            if value.as_str().is_none_or(|value| !enum_values.contains_key(value)) =>
        {
            let allowed: Vec<_> = enum_values.keys().map(String::as_str).collect();
            violations.add(pointer, "WRONG_TYPE", format!("Expected one of {}.", allowed.join(", ")));
        }
        Some(MetaType::InputObject { input_fields, .. }) => {
            let Some(members) = value.as_object() else {
                return violations.add(pointer, "WRONG_TYPE", format!("Expected an object of type {name}."));
            };
            for (member, value) in members {
                let pointer = format!("{pointer}/{}", kith_kernel::escape(member));
                match input_fields.get(member) {
                    Some(field) => one(violations, &pointer, MetaTypeName::create(&field.ty), value),
                    None => violations.add(pointer, "UNKNOWN_FIELD", format!("{name} has no such member.")),
                }
            }
            for (member, _) in input_fields.iter().filter(|(member, _)| !members.contains_key(member.as_str())) {
                let optional = input_fields.get(member).is_none_or(|field| !field.ty.ends_with('!'));
                violations.ensure(optional, &format!("{pointer}/{member}"), "REQUIRED", "The member is required.");
            }
        }
        _ => {}
    }
}
