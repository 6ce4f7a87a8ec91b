"""What only images need: transforms, autoencoders, ResNets and their losses."""
