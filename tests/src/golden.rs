//! Files that are generated and checked in. `make golden` writes them anew; a difference here is a change of a contract.

use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[track_caller]
fn golden(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        return;
    }
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    if known == text {
        return;
    }
    let line = known
        .lines()
        .zip(text.lines())
        .position(|(a, b)| a != b)
        .unwrap_or(known.lines().count().min(text.lines().count()));
    let show = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
    panic!(
        "{path} is stale from line {}: it has\n  {}\nand should have\n  {}\nRun `make golden`.",
        line + 1,
        show(&known),
        show(text)
    );
}

#[test]
fn golden_openapi() {
    golden("openapi/openapi.json", &kith_api::openapi::text(kith_api::catalogue()));
}

#[test]
fn golden_sdl() {
    golden("schema.graphql", &kith_api::graphql::sdl(&kith_api::graphql::schema()));
}

#[test]
fn golden_configuration() {
    golden("docs/configuration.md", &kith_server::settings::markdown());
}

#[test]
fn golden_errors() {
    let mut text = String::from(
        "# Error codes\n\nGenerated from the catalogue in the code; each is served at `/problems/<code in lower kebab case>`.\n\n| code | status | title | what to do |\n| --- | --- | --- | --- |\n",
    );
    for code in kith_api::all_codes() {
        let status = kith_api::http::problem::status(code.kind);
        text.push_str(&format!("| `{}` | {status} | {} | {} |\n", code.name, code.title, code.doc.trim()));
    }
    golden("docs/errors.md", &text);
}

#[test]
fn golden_roles() {
    let mut text = String::from(
        "# Built-in roles\n\nGenerated. `*` stands for every resource outside administration, `**` for all.\n\n| role | right | rows |\n| --- | --- | --- |\n",
    );
    for role in kith_identity::policy::BUILT_IN {
        for grant in role.grants() {
            let action = grant.action.map_or("*", |action| action.as_str());
            text.push_str(&format!("| {} | `{}:{action}` | {} |\n", role.name, grant.resource, grant.scope.as_str()));
        }
    }
    golden("docs/roles.md", &text);
}

#[test]
fn golden_tables() {
    golden("crates/schema/src/tables.rs", &crate::tables::as_diesel());
}

#[test]
fn every_operation_is_described() {
    let document = kith_api::openapi::document(kith_api::catalogue());
    let mut ids = std::collections::HashSet::new();
    let mut references = Vec::new();
    collect(&document, &mut references);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{place} has no operationId"));
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            for member in ["summary", "tags"] {
                assert!(operation.get(member).is_some(), "{place} has no {member}");
            }
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{place} never succeeds");
            assert!(responses.contains_key("500") && responses.contains_key("503"), "{place} never fails");
            let open = kith_api::rest::system::OPEN.contains(&format!("{} {path}", method.to_uppercase()).as_str());
            assert_eq!(
                operation.get("security").is_none(),
                open,
                "{place}: security and the list of open operations disagree"
            );
            if let Some(body) = operation.get("requestBody") {
                let text = body.to_string();
                assert!(text.contains("example") || text.contains("$ref"), "{place} has no example body");
            }
        }
    }
}

fn collect(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => members.iter().for_each(|(name, value)| match value.as_str() {
            Some(text) if name == "$ref" => into.push(text.to_owned()),
            _ => collect(value, into),
        }),
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

#[test]
fn every_graphql_type_and_field_is_described() {
    let sdl = kith_api::graphql::sdl(&kith_api::graphql::schema());
    let (mut described, mut inside) = (false, false);
    let mut missing = Vec::new();
    for line in sdl.lines().map(str::trim) {
        if line.starts_with("\"\"\"") {
            (described, inside) = (true, !inside);
        }
        if inside {
            continue;
        }
        let named = line.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !line.starts_with("schema")
            && !line.starts_with("query:")
            && !line.starts_with("mutation:")
            && !line.starts_with("subscription:");
        if line.starts_with('"') {
            described = true;
        } else if named {
            if !described {
                missing.push(line.to_owned());
            }
            described = false;
        }
    }
    missing.retain(|line| !line.starts_with("directive"));
    assert!(missing.is_empty(), "without description: {missing:#?}");
}
