# nnc_add_model: written with the commands (see its own commit).
