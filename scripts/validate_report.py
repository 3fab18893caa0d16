#!/usr/bin/env python3
"""Validates reports against the published schema, with python3-jsonschema.

    validate_report.py --schema SCHEMA.json REPORT.json...
    validate_report.py --binary build/release/lrutorture REPORT.json...

Prints a line per report and exits 0 when all are valid, 1 when one is not,
2 when that cannot be told. The schema keeps to what JSON Schema draft 7 and
2020-12 share, so each report is checked under both and they must agree.
"""
import argparse
import json
import subprocess
import sys

try:
    from jsonschema import Draft7Validator, Draft202012Validator
except ImportError:
    sys.exit("validate_report.py: needs the package python3-jsonschema")


def load_schema(args):
    if args.schema:
        with open(args.schema, encoding="utf-8") as file:
            return json.load(file)
    output = subprocess.run(
        [args.binary, "schema", "report"], check=True, stdout=subprocess.PIPE
    ).stdout
    return json.loads(output)


def first_error(validator, report):
    errors = sorted(validator.iter_errors(report), key=lambda e: list(e.path))
    if not errors:
        return None
    pointer = "".join(f"/{part}" for part in errors[0].path)
    return f"{pointer or '/'}: {errors[0].message[:200]}"


def check(path, validators):
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    wrong = [first_error(validator, report) for validator in validators]
    if (wrong[0] is None) != (wrong[1] is None):
        raise ValueError(f"{path}: draft 7 and 2020-12 disagree: {wrong}")
    print(f"{path}: {wrong[0] or 'valid'}")
    return wrong[0] is None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--schema", help="the schema as a file")
    source.add_argument("--binary", help="a program that prints the schema")
    parser.add_argument("reports", nargs="+")
    args = parser.parse_args()
    try:
        schema = load_schema(args)
        classes = (Draft7Validator, Draft202012Validator)
        for cls in classes:
            cls.check_schema(schema)
        validators = [cls(schema) for cls in classes]
        results = [check(path, validators) for path in args.reports]
    except Exception as error:  # any of them: no verdict
        print(f"validate_report.py: {error}", file=sys.stderr)
        return 2
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
