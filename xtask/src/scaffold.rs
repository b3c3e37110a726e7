//! A first draft of a resource's rows, from the catalogue: what is left is to name things for
//! people, to make one type of what is one idea, and to write the prose.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use crate::catalogue::{Catalogue, list, text};

pub(crate) fn run(resource: &str) -> Result<(), String> {
    let catalogue = Catalogue::read()?;
    let operations: Vec<&Value> = catalogue
        .operations()
        .filter(|operation| operation["resource"] == resource)
        .collect();
    if operations.is_empty() {
        return Err(format!(
            "scaffold: there is no resource {resource:?}; there are {}",
            names(&catalogue)
        ));
    }
    print!("{}", draft(&catalogue, resource, &operations));
    Ok(())
}

/// The names of all resources.
pub(crate) fn resources() -> Result<String, String> {
    Ok(names(&Catalogue::read()?))
}

fn names(catalogue: &Catalogue) -> String {
    let operations = catalogue.operations();
    let names: BTreeSet<&str> = operations
        .map(|operation| text(&operation["resource"]))
        .collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn draft(catalogue: &Catalogue, resource: &str, operations: &[&Value]) -> String {
    let file = resource.split('.').next().unwrap_or(resource);
    let mut out = format!("// crates/qoder-types/src/{file}.rs\n\n");
    let mut open: Vec<&str> = operations
        .iter()
        .map(|operation| text(&operation["response"]))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(schema) = catalogue.schema(name).filter(|_| seen.insert(name)) else {
            continue;
        };
        open.extend(object(&mut out, name, schema));
    }
    for operation in operations
        .iter()
        .filter(|operation| operation["body"].is_array())
    {
        body(&mut out, operation);
    }
    let _ = write!(
        out,
        "// crates/qoder-types/src/ops/{file}.rs\n\noperations! {{ \"{resource}\" {{\n"
    );
    for operation in operations {
        row(&mut out, operation);
    }
    out.push_str("} }\n");
    out
}

/// A type that the server sends, and the names of those that it is made of.
fn object<'a>(out: &mut String, name: &str, schema: &'a Value) -> Vec<&'a str> {
    if schema["variants"].is_array() {
        let _ = write!(out, "tagged! {{\n    /// …\n    {name} {{\n");
        let variants = list(&schema["variants"]);
        for variant in variants {
            let (schema, tag) = (text(&variant["schema"]), text(&variant["tag"]));
            let _ = write!(
                out,
                "        /// …\n        {schema}({schema}) = \"{tag}\",\n"
            );
        }
        out.push_str("    }\n}\n\n");
        return variants
            .iter()
            .map(|variant| text(&variant["schema"]))
            .collect();
    }
    let _ = write!(out, "object! {{\n    /// …\n    {name} {{\n");
    let mut parts = Vec::new();
    for field in list(&schema["fields"]) {
        let (field_name, kind) = (text(&field["name"]), text(&field["type"]));
        if field_name == "type" {
            continue;
        }
        let always = field["peer_required"] == true && field["peer_nullable"] != true;
        let mark = match field_name {
            "id" => "!",
            _ if always => "",
            _ => "?",
        };
        let _ = write!(
            out,
            "        /// …{}\n        {field_name}{mark}: {},\n",
            known(field),
            rust(kind)
        );
        parts.extend(
            kind.split(['<', '|', '>'])
                .filter_map(|part| part.strip_prefix("ref:")),
        );
    }
    out.push_str("    }\n}\n\n");
    parts
}

/// A type that the caller sends.
fn body(out: &mut String, operation: &Value) {
    let name = format!(
        "{}{}",
        camel(&singular(text(&operation["resource"]))),
        camel(text(&operation["name"]))
    );
    let _ = write!(out, "body! {{\n    /// …\n    {name} {{\n");
    let members = list(&operation["body"]);
    let is_patch = operation["name"] == "update";
    for member in members.iter().filter(|member| member["required"] == true) {
        let _ = write!(
            out,
            "        /// …{}\n        {}: {},\n",
            known(member),
            text(&member["name"]),
            rust(text(&member["type"]))
        );
    }
    out.push_str("        ;\n");
    for member in members.iter().filter(|member| member["required"] != true) {
        let clear = if is_patch && member["nullable"] == true {
            " | null"
        } else {
            ""
        };
        let (name, kind) = (text(&member["name"]), text(&member["type"]));
        let (name, kind) = match kind {
            "integer" | "number" | "boolean" => {
                (format!("{name} as {}", rust(kind)), String::new())
            }
            _ if kind.starts_with("map<") => (format!("{name}{{}}"), ": String".to_owned()),
            _ => (name.to_owned(), format!(": {}", rust(kind))),
        };
        let _ = write!(
            out,
            "        /// …{}\n        {name}{kind}{clear},\n",
            known(member)
        );
    }
    out.push_str("    }\n}\n\n");
}

fn row(out: &mut String, operation: &Value) {
    let path = text(&operation["path"]);
    let names = path.split(['{', '}']).skip(1).step_by(2);
    let params: Vec<String> = names
        .map(|name| format!("{name}: {}", camel(name)))
        .collect();
    let takes = if operation["body"].is_array() {
        let resource = camel(&singular(text(&operation["resource"])));
        format!(" takes {resource}{}", camel(text(&operation["name"])))
    } else {
        String::new()
    };
    let response = text(&operation["response"]);
    let (kind, output) = match (
        text(&operation["http_method"]),
        text(&operation["page_style"]),
    ) {
        ("GET", "page") => ("list", format!("Page<{response}>")),
        ("GET", "after_id") => ("ids", format!("Page<{response}>")),
        ("GET", _) if response.starts_with("sse:") => ("stream", "()".to_owned()),
        ("GET", _) if operation["binary_steps"] == 1 => ("bytes", "()".to_owned()),
        ("POST", _) if operation["sends_empty_json_object"] == true => ("act", response.to_owned()),
        ("DELETE", _) => ("delete", "Deleted".to_owned()),
        ("PUT", _) => ("put", response.to_owned()),
        ("POST", _) => ("post", response.to_owned()),
        _ => ("get", response.to_owned()),
    };
    let query: Vec<String> = list(&operation["query"])
        .iter()
        .map(|parameter| text(&parameter["name"]))
        .filter(|name| match kind {
            "list" => !matches!(*name, "page" | "limit"),
            "ids" => !matches!(*name, "after_id" | "limit"),
            _ => true,
        })
        .map(|name| format!(" \"{name}\""))
        .collect();
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("\n        ?{}", query.concat())
    };
    let notes = operation["notes"]
        .as_str()
        .map(|notes| format!(" ({notes})"))
        .unwrap_or_default();
    let _ = write!(
        out,
        "    /// …{notes}\n    {}({}){takes} -> {output}\n        = {kind} \"{}\"{query};\n",
        text(&operation["name"]),
        params.join(", "),
        path,
    );
}

/// The values that a member may have, if the catalogue knows them.
fn known(field: &Value) -> String {
    let known: Vec<&str> = list(&field["known_values"]).iter().map(text).collect();
    let known = if known.is_empty() {
        let inside = text(&field["type"]).strip_prefix("enum<");
        inside
            .and_then(|values| values.strip_suffix('>'))
            .unwrap_or_default()
            .replace('|', ", ")
    } else {
        known.join(", ")
    };
    if known.is_empty() {
        known
    } else {
        format!(" One of {known}.")
    }
}

fn rust(kind: &str) -> String {
    let inside = |prefix: &str| kind.strip_prefix(prefix)?.strip_suffix('>');
    match kind {
        "integer" => "u64".to_owned(),
        "number" => "f64".to_owned(),
        "boolean" => "bool".to_owned(),
        "datetime" => "Timestamp".to_owned(),
        "any" => "Value".to_owned(),
        _ if kind.starts_with("map<") => "Extra".to_owned(),
        _ => {
            if let Some(item) = inside("list<") {
                format!("Vec<{}>", rust(item))
            } else if let Some(kinds) = inside("union<") {
                kinds.split('|').map(rust).collect::<Vec<_>>().join("Or")
            } else if let Some(schema) = kind.strip_prefix("ref:") {
                schema.to_owned()
            } else {
                "String".to_owned()
            }
        }
    }
}

/// `vaults.credentials` as `vault_credential`.
fn singular(resource: &str) -> String {
    let parts = resource
        .split('.')
        .map(|part| match part.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => part.trim_end_matches('s').to_owned(),
        });
    parts.collect::<Vec<_>>().join("_")
}

fn camel(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect()
}
