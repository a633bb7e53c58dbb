"""Reports, KPIs, spend and exports: what is read from the kept facts and events when somebody asks."""
