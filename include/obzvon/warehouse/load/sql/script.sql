insert into dwh.dim_script (vendor_code, vendor_script_id, version, name)
select %(vendor)s, %(script_id)s, %(script_version)s, %(name)s
where not exists (select from dwh.dim_script
                  where vendor_code = %(vendor)s and vendor_script_id = %(script_id)s and version = %(script_version)s)
