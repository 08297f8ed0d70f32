-- Keys that name an organization themselves (src/admin/pledges.c, lists of an organization's keys): few of many.
CREATE INDEX sluice_key_organization ON sluice_key (organization_id) WHERE organization_id IS NOT NULL;
