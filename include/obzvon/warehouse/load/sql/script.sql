insert into dwh.dim_script (vendor_code, vendor_script_id, version, name)
values (%(vendor)s, %(script_id)s, %(script_version)s, %(name)s)
on conflict (vendor_code, vendor_script_id, version) do nothing
