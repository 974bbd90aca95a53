"""The managers' dashboard: a thin Streamlit front over the live rollups in MongoDB."""
